"""What a reader sees: figures, tables and the report page."""
