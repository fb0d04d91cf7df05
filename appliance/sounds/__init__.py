"""Sounds that people give the box: messages of campaigns and greetings, typed, as files, or said at a phone."""
