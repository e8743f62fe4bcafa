"""``minivit look``: what a Vision Transformer sees on photographs of any size. Nothing is trained, nothing predicted.

- :mod:`minivit.look.backbone`: a model, from a run, a file of others or the public hub, for images of any size.
- :mod:`minivit.look.features`: what it makes of a photograph, and what can be seen in that: attention, principal
  components, patches that resemble each other.
- :mod:`minivit.look.influence`: how much each part of an image counts for one place, block by block, in any model.
- :mod:`minivit.plot.look` and :mod:`minivit.plot.influence` draw it.
"""

from minivit.look.backbone import Backbone, open_backbone
from minivit.look.features import Seen, components, look, nearest
from minivit.look.influence import influence

__all__ = ["Backbone", "Seen", "components", "influence", "look", "nearest", "open_backbone"]
