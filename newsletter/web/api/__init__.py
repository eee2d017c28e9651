"""Let programs do what editors do: JSON over HTTP, with keys of their own."""
