"""Its being here puts the repository on the path, so that tests share helpers (`from tests.fuzz.guardlib import Guard`)."""
