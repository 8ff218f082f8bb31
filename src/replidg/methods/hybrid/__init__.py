"""Methods that train a student in hybrid domain generalisation (arXiv 2404.09011), one a module."""
