"""Other people's files, figures and rules, beside ours."""
