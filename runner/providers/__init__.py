"""Interpreters: a request becomes a vendor's call, a vendor's answer becomes one of seven verdicts.

Pure: nothing here dials, waits, reads a clock or knows a secret. `contract` says what a vendor's file must offer, `registry` lists
the vendors and turns the project file's accounts into lanes.
"""
