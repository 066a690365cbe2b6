"""What a sentence of a report says of its matter: whether that is good, and whether it has changed."""

from service.tone.changes import Change, change_of
from service.tone.tones import Tone, tone_of

__all__ = ["Change", "Tone", "change_of", "tone_of"]
