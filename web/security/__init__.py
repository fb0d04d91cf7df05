"""What stands before every page: headers, sessions, rights."""
