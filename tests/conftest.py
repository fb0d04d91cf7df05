"""Its being here puts tests/ on the path, so that tests can share helpers (`from fuzz.guardlib import Guard`)."""
