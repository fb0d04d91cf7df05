"""The administrator's page of users and roles."""
