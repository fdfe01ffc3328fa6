"""A package with workflows, which `discover_all_workflows_in_package` finds."""
