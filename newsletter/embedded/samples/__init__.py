"""Hold an invented local paper: articles, pictures and its feeds."""
