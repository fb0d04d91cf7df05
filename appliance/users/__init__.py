"""Who may use the pages and the API: people, their roles and rights, passwords, sessions and tokens.

They stand in an LMDB of their own (DATA/users), not in the configuration: rolling a configuration back must not bring
back a password or a person who has left. The web process and the command line both write it.
"""
