"""Take signed calls from the publisher's website."""
