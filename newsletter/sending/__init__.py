"""Send mailings and notices; account for every reader."""
