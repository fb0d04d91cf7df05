"""Mail by SMTP: a persistent outbox, the mailer that empties it, and the reports that go through it."""
