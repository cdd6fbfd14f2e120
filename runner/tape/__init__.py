"""What was said to vendors and what came back: `recorder` keeps it during a run, `replay` answers from it and dials nobody."""
