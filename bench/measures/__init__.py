"""What is measured, a theme a file: each measure returns rows for the table."""
