"""Pictures that one lecture draws, a file for each lecture."""
