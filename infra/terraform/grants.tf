# Who may read and write what: nobody has more than the work asks for, and no person writes. Which role reads which table is made from the
# contracts: see readers.tf.
#
#   jobs               every schema, read and write
#   officer            every table, and writes nothing
#   data scientists    features, scores and models: a person is a number there, without name or coordinate
#   campaign teams     campaigns, selections and their reasons
#   auditors           runs, the trail, certificates and requests without coordinates
#   commercial agents  no table: they are given masked counts only, never these rows
#
# Single tables need `tables_exist`: the jobs create them.

locals {
  jobs_principal = databricks_service_principal.jobs.application_id

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
