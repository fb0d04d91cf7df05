"""A campaign's report for people: HTML and plain text for mail, CSV and XLSX, in the office's language. Pure."""
