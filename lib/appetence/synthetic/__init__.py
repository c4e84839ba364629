"""The demonstration co-operative: twelve members, their customers and everything that is true of them.

`flat` gives benchmark records with their truth; `world_frames.build` gives the whole world lazily.
"""

from appetence.synthetic.world_frames import flat

__all__ = ["flat"]
