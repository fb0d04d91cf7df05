"""The ledger: the one writer of truth, and what is derived from it. `Ledger` in the core, `LedgerReader` everywhere
else."""

from ._fold import fold
from .cdr import Cdr, CdrRow, LegRecord
from .codec import ERASED
from .durability import DURABILITY, Durability
from .reader import CampaignInfo, LedgerReader
from .recover import OpenCall, OpenLeg, interrupted, interrupted_all
from .space import LEVELS, Level, Thresholds, level_for
from .writer import Ledger

__all__ = [
    "DURABILITY", "ERASED", "LEVELS", "CampaignInfo", "Cdr", "CdrRow", "Durability", "Ledger", "LedgerReader", "LegRecord",
    "Level", "OpenCall", "OpenLeg", "Thresholds", "fold", "interrupted", "interrupted_all", "level_for",
]  # fmt: skip
