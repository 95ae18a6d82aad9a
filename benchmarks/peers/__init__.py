"""What would Kayenta, Argo Rollouts, Flagger and GrowthBook decide? Their published rules, on windows of a canary."""
