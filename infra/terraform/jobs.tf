# One Databricks job for each job of conf/jobs.yaml, and the nightly workflow that runs those without a schedule of their own.

locals {
  jobs    = { for job in local.plan.jobs : job.name => job }
  nightly = { for name, job in local.jobs : name => job if job.schedule == null }

  workspace_folder = "/Workspace/Shared/appetence/${var.environment}"
  pause_status     = var.schedules_paused ? "PAUSED" : "UNPAUSED"

  # The cluster brings Delta and Unity Catalog; the other jars of conf/base.yaml (GraphFrames' classes) come with the job.
  cluster_jars = [for jar in local.base.spark.jars : jar if !can(regex("^io[.](delta|unitycatalog):", jar))]

  # Where this deployment's tables and files are: what conf/azure.yaml cannot know.
  volumes = "/Volumes/${databricks_catalog.main.name}/${databricks_schema.main["ops"].name}"
  settings = merge(
    {
      "paths.root" = "${local.volumes}/${databricks_volume.work.name}"
      "paths.lake" = "catalog:${databricks_catalog.main.name}"
    },
    { for name, volume in databricks_volume.exchange : "exchange.${name}.kind" => "folder" },
    { for name, volume in databricks_volume.exchange : "exchange.${name}.location" => "${local.volumes}/${volume.name}" },
    local.secret_settings,
  )

  # job -> environment variable -> reference of the secret, which Databricks resolves when the cluster starts
  job_secrets = {
    for name, job in local.jobs : name => {
      for secret in flatten([for set in job.secrets : local.secret_sets[set]]) :
      local.secret_variables[secret] => "{{secrets/${databricks_secret_scope.main.name}/${secret}}}"
    }
  }
}

# The configuration the jobs read, as it stands in this checkout.
resource "databricks_workspace_file" "conf" {
  for_each = fileset(local.conf, "**/*.yaml")

  source = "${local.conf}/${each.value}"
  path   = "${local.workspace_folder}/conf/${each.value}"
  md5    = filemd5("${local.conf}/${each.value}")
}

resource "databricks_workspace_file" "wheel" {
  source = "${path.module}/${var.wheel}"
  path   = "${local.workspace_folder}/${basename(var.wheel)}"
}

resource "databricks_job" "main" {
  for_each = local.jobs

  name                = "${local.name}-${each.key}"
  description         = each.value.description
  max_concurrent_runs = each.value.max_concurrent_runs
  timeout_seconds     = each.value.timeout_minutes * 60
  tags                = local.tags

  run_as {
    service_principal_name = databricks_service_principal.jobs.application_id
  }

  parameter {
    name    = "as_of"
    default = "{{job.trigger.time.iso_date}}"
  }

  dynamic "schedule" {
    for_each = each.value.schedule == null ? [] : [each.value.schedule]

    content {
      quartz_cron_expression = schedule.value
      timezone_id            = local.plan.workflow.timezone
      pause_status           = local.pause_status
    }
  }

  email_notifications {
    on_failure = var.alert_addresses
  }

  job_cluster {
    job_cluster_key = "main"

    new_cluster {
      spark_version      = var.spark_version
      node_type_id       = var.node_types[each.value.cluster]
      data_security_mode = "SINGLE_USER"
      single_user_name   = databricks_service_principal.jobs.application_id
      custom_tags        = local.tags

      autoscale {
        min_workers = local.plan.clusters[each.value.cluster].min_workers
        max_workers = local.plan.clusters[each.value.cluster].max_workers
      }

      # The JVM leaves methods of more than 8000 bytes to its interpreter, and generated code often passes that.
      spark_conf = {
        "spark.driver.extraJavaOptions"   = "-XX:-DontCompileHugeMethods"
        "spark.executor.extraJavaOptions" = "-XX:-DontCompileHugeMethods"
      }

      spark_env_vars = merge(local.job_secrets[each.key], {
        APPETENCE_CONF = "${local.workspace_folder}/conf"
      })
    }
  }

  task {
    task_key                  = each.key
    job_cluster_key           = "main"
    max_retries               = each.value.max_retries
    min_retry_interval_millis = 60000
    timeout_seconds           = each.value.timeout_minutes * 60

    python_wheel_task {
      package_name = "appetence"
      entry_point  = "appetence-${replace(each.key, "_", "-")}"
      parameters = concat(
        ["--env", "azure", "--as-of", "{{job.parameters.as_of}}"],
        flatten([for key, value in local.settings : ["--set", "${key}=${value}"]]),
        each.value.parameters,
      )
    }

    library {
      whl = databricks_workspace_file.wheel.workspace_path
    }

    dynamic "library" {
      for_each = toset(local.cluster_jars)

      content {
        maven {
          coordinates = library.value
        }
      }
    }
  }

  depends_on = [databricks_workspace_file.conf, databricks_secret_acl.jobs, azurerm_key_vault_secret.generated]
}

resource "databricks_job" "nightly" {
  name                = "${local.name}-${local.plan.workflow.name}"
  description         = local.plan.workflow.description
  max_concurrent_runs = 1
  tags                = local.tags

  run_as {
    service_principal_name = databricks_service_principal.jobs.application_id
  }

  schedule {
    quartz_cron_expression = local.plan.workflow.schedule
    timezone_id            = local.plan.workflow.timezone
    pause_status           = local.pause_status
  }

  email_notifications {
    on_failure = var.alert_addresses
  }

  dynamic "task" {
    for_each = local.nightly

    content {
      task_key = task.key

      dynamic "depends_on" {
        # A job with its own schedule is not waited for: scores use the champion there is.
        for_each = toset([for name in task.value.depends_on : name if contains(keys(local.nightly), name)])

        content {
          task_key = depends_on.value
        }
      }

      run_job_task {
        job_id         = databricks_job.main[task.key].id
        job_parameters = { as_of = "{{job.trigger.time.iso_date}}" }
      }
    }
  }
}

# People see the runs that concern them; only campaign teams start some, and nobody edits.
resource "databricks_permissions" "job" {
  for_each = local.jobs

  job_id = databricks_job.main[each.key].id

  access_control {
    group_name       = var.groups.officer
    permission_level = contains(["handle_rights", "enforce_retention", "import_suppressions"], each.key) ? "CAN_MANAGE_RUN" : "CAN_VIEW"
  }

  access_control {
    group_name       = var.groups.data_scientists
    permission_level = each.key == "train_propensity" ? "CAN_MANAGE_RUN" : "CAN_VIEW"
  }

  access_control {
    group_name       = var.groups.campaign_teams
    permission_level = contains(["select_campaign", "export_selection", "measure_response"], each.key) ? "CAN_MANAGE_RUN" : "CAN_VIEW"
  }
}
