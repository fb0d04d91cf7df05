"""What the box says: texts as data, spoken at set-up, put together in grammatical sentences."""

from appliance.prompts.grammar import Moment, moment, moment_past
from appliance.prompts.library import Prompts
from appliance.prompts.texts import LANGUAGES

__all__ = ["LANGUAGES", "Moment", "Prompts", "moment", "moment_past"]
