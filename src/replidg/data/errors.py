"""What goes wrong with data sets on disk."""


class DatasetError(ValueError):
    """A data set on disk is not what the configuration says; the message says what to do."""
