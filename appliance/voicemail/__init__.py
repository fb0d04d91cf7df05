"""Voicemail: whose mailbox is whose, messages on disk, mails about them, and greetings recorded from a phone."""
