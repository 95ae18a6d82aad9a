"""What a policy can show, and how often it is wrong: asked before and while a canary runs."""
