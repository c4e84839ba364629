# Made by `appetence audit grants --terraform` from the contracts and privacy/grants.py: change those, and run `make docs`.

locals {
  # role -> schemas it may read whole
  schema_readers = {
    officer = [
      "bronze",
      "gold",
      "identity",
      "ops",
      "privacy",
      "reference",
      "silver",
    ]
  }

  # role -> further tables it may read
  table_readers = {
    officer = []
    data_scientists = [
      "gold.cluster",
      "gold.drift",
      "gold.feature",
      "gold.gains_tier",
      "gold.model_card",
      "gold.score",
      "gold.segment",
      "gold.stability",
      "identity.candidate_statistic",
      "identity.match_model",
      "reference.area",
      "reference.commune",
      "reference.exclusion",
      "reference.first_name",
      "reference.instruction",
      "reference.law_rule",
      "reference.member",
      "reference.programme",
      "reference.recipient",
      "reference.sector_crosswalk",
    ]
    campaign_teams = [
      "gold.campaign",
      "gold.count_shown",
      "gold.decision",
      "gold.export",
      "gold.gains_tier",
      "gold.list_overlap",
      "gold.matchback",
      "gold.model_card",
      "gold.reach",
      "gold.response",
      "gold.score",
      "gold.selection",
      "gold.statement",
      "gold.tier",
      "gold.uplift",
      "gold.waterfall",
      "reference.area",
      "reference.commune",
      "reference.exclusion",
      "reference.first_name",
      "reference.instruction",
      "reference.law_rule",
      "reference.member",
      "reference.programme",
      "reference.recipient",
      "reference.sector_crosswalk",
    ]
    auditors = [
      "ops.audit",
      "ops.run",
      "privacy.erasure_certificate",
      "privacy.retention_run",
      "privacy.rights_decision",
      "privacy.rights_notice",
      "privacy.rights_request",
      "privacy.rights_task",
    ]
    commercial_agents = []
  }
}
