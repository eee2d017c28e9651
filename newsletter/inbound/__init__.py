"""Take in mail: by SMTP and LMTP as a server, from an IMAP folder, from a Maildir. What it means is read elsewhere."""
