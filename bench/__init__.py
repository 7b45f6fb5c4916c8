"""The figures: each of ours beside a yardstick in the same run, since machines and their noise differ."""
