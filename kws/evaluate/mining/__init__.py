"""What a model takes for its word, or nearly, and what it misses: the clips that teach it most."""

from kws.evaluate.mining.ear import Ear, Find
from kws.evaluate.mining.files import Mined, mine_files
from kws.evaluate.mining.folder import MinedFolder
from kws.evaluate.mining.hard import HardNegative, hard_negatives
from kws.evaluate.mining.live import mine_live
from kws.evaluate.mining.settings import MiningSettings

__all__ = [
    "Ear",
    "Find",
    "HardNegative",
    "Mined",
    "MinedFolder",
    "MiningSettings",
    "hard_negatives",
    "mine_files",
    "mine_live",
]
