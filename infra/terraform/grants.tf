# Who may read and write what: nobody has more than the work asks for, and no person writes.
#
#   jobs               every schema, read and write
#   officer            privacy, ops and reference whole; elsewhere what proves a decision
#   data scientists    features, scores and models: a person is a number there, without name or coordinate
#   campaign teams     campaigns, selections and their reasons
#   commercial agents  no table: they are given masked counts only, never these rows
#
# Single tables need `tables_exist`: the jobs create them.

locals {
  jobs_principal = databricks_service_principal.jobs.application_id

  # role -> schemas it may read whole
  schema_readers = {
    officer = ["privacy", "ops", "reference"]
  }

  # role -> further tables it may read
  table_readers = {
    data_scientists = [
      "gold.cluster",
      "gold.drift",
      "gold.feature",
      "gold.gains_tier",
      "gold.model_card",
      "gold.response",
      "gold.score",
      "gold.segment",
      "gold.stability",
      "identity.candidate_statistic",
      "identity.match_model",
      "ops.run",
      "reference.area",
      "reference.commune",
      "reference.first_name",
      "reference.sector_crosswalk",
    ]
    campaign_teams = [
      "gold.campaign",
      "gold.decision",
      "gold.export",
      "gold.matchback",
      "gold.model_card",
      "gold.response",
      "gold.score",
      "gold.selection",
      "gold.tier",
      "gold.waterfall",
      "reference.exclusion",
      "reference.instruction",
      "reference.law_rule",
      "reference.member",
      "reference.programme",
      "reference.recipient",
      "reference.sector_crosswalk",
    ]
    officer = [
      "bronze.delivery",
      "bronze.reject",
      "gold.campaign",
      "gold.decision",
      "gold.export",
      "gold.export_line",
      "gold.model_card",
      "gold.selection",
      "gold.statement",
      "gold.waterfall",
      "identity.identity_event",
      "identity.person_link",
      "silver.permission",
      "silver.permission_event",
    ]
    commercial_agents = []
  }

  # role -> schemas it must be able to enter
  entered = {
    for role, tables in local.table_readers : role => toset(concat(
      [for table in tables : split(".", table)[0]],
      lookup(local.schema_readers, role, []),
    ))
  }
  roles_inside = [for role, schemas in local.entered : role if length(schemas) > 0]

  # table -> roles that may read it
  readers = {
    for table in distinct(flatten(values(local.table_readers))) : table => [
      for role, tables in local.table_readers : role if contains(tables, table)
    ]
  }
}

resource "databricks_grants" "credential" {
  storage_credential = databricks_storage_credential.lake.id

  grant {
    principal  = local.jobs_principal
    privileges = ["READ_FILES", "WRITE_FILES"]
  }
}

resource "databricks_grants" "location" {
  for_each = databricks_external_location.main

  external_location = each.value.id

  grant {
    principal  = local.jobs_principal
    privileges = ["READ_FILES", "WRITE_FILES"]
  }
}

resource "databricks_grants" "volume" {
  for_each = merge(databricks_volume.exchange, { work = databricks_volume.work })

  volume = each.value.id

  grant {
    principal  = local.jobs_principal
    privileges = ["READ_VOLUME", "WRITE_VOLUME"]
  }
}

resource "databricks_grants" "catalog" {
  catalog = databricks_catalog.main.name

  grant {
    principal  = local.jobs_principal
    privileges = ["USE_CATALOG"]
  }

  dynamic "grant" {
    for_each = toset(local.roles_inside)

    content {
      principal  = var.groups[grant.value]
      privileges = ["USE_CATALOG"]
    }
  }
}

resource "databricks_grants" "schema" {
  for_each = databricks_schema.main

  schema = each.value.id

  grant {
    principal  = local.jobs_principal
    privileges = ["USE_SCHEMA", "SELECT", "MODIFY", "CREATE_TABLE", "CREATE_MODEL", "EXECUTE", "READ_VOLUME", "WRITE_VOLUME"]
  }

  dynamic "grant" {
    for_each = toset([for role, schemas in local.entered : role if contains(schemas, each.key)])

    content {
      principal  = var.groups[grant.value]
      privileges = contains(lookup(local.schema_readers, grant.value, []), each.key) ? ["USE_SCHEMA", "SELECT"] : ["USE_SCHEMA"]
    }
  }
}

resource "databricks_grants" "table" {
  for_each = var.tables_exist ? local.readers : {}

  table = "${databricks_catalog.main.name}.${each.key}"

  dynamic "grant" {
    for_each = toset(each.value)

    content {
      principal  = var.groups[grant.value]
      privileges = ["SELECT"]
    }
  }

  depends_on = [databricks_grants.schema]
}
