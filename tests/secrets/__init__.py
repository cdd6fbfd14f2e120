"""Keys through failing runs: none may be left anywhere."""
