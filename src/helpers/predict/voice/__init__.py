"""What customers say: languages, themes and moods of their comments, and which segment speaks of what."""

from helpers.predict.voice.segments import by_segment
from helpers.predict.voice.themes import voice

__all__ = ["by_segment", "voice"]
