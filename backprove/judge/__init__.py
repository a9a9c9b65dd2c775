"""Judging a hand-written derivation: is each line right, and what kind of mistake is it?"""
