"""Who is compared: one file a competitor, none of which is imported before it is asked for."""

from .interface import COMPETITORS, Competitor, NotFitting, Predictor, Trainer

__all__ = ["COMPETITORS", "Competitor", "NotFitting", "Predictor", "Trainer"]
