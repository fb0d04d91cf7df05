"""Style sheets, scripts and pictures of the pages, all served by the box itself."""
