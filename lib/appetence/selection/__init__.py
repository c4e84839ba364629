"""Selections: who may be contacted in a campaign, who is, and why not the others."""
