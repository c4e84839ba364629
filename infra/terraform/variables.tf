variable "subscription_id" {
  description = "Azure subscription that holds everything."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a lower-case GUID."
  }
}

variable "environment" {
  description = "Short name of the environment; part of every resource name."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "environment must be 2 to 8 lower-case letters and digits, beginning with a letter."
  }
}

variable "location" {
  description = "Azure region. Personal data stay in the European Union."
  type        = string
  default     = "francecentral"

  validation {
    condition     = contains(["francecentral", "francesouth", "westeurope", "northeurope", "germanywestcentral", "swedencentral", "spaincentral", "italynorth", "polandcentral", "belgiumcentral", "austriaeast"], var.location)
    error_message = "location must be an Azure region in the European Union."
  }
}

variable "name_suffix" {
  description = "Letters and digits that make the storage account's and the key vault's names unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{2,6}$", var.name_suffix))
    error_message = "name_suffix must be 2 to 6 lower-case letters and digits."
  }
}

variable "storage_replication" {
  description = "Copies of the lake: ZRS keeps them in one region. Copies in another region would have to be erased there too."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["LRS", "ZRS"], var.storage_replication)
    error_message = "storage_replication must be LRS or ZRS."
  }
}

variable "file_days_max" {
  description = "Days after which a file left in the inbox, outbox or quarantine is deleted whatever happened. The jobs delete earlier, by each file's own date."
  type        = number
  default     = 180

  validation {
    condition     = var.file_days_max >= 30 && var.file_days_max <= 365
    error_message = "file_days_max must be between 30 and 365."
  }
}

variable "address_space" {
  description = "Private address range of the clusters' network; at least a /24."
  type        = string
  default     = "10.60.0.0/22"

  validation {
    condition     = can(cidrhost(var.address_space, 0)) && tonumber(split("/", var.address_space)[1]) <= 24
    error_message = "address_space must be an IPv4 range of at least 256 addresses, such as 10.60.0.0/22."
  }
}

variable "administrator_ip_ranges" {
  description = "Public address ranges from which administrators reach the key vault and the storage account; empty closes both to the internet."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.administrator_ip_ranges : can(cidrhost(range, 0)) && range != "0.0.0.0/0"])
    error_message = "administrator_ip_ranges must be CIDR ranges, and never the whole internet."
  }
}

variable "key_officer_object_ids" {
  description = "Entra ID object ids of those who may set and rotate secrets (two at least, so that one can be away). Who runs Terraform must be among them."
  type        = set(string)

  validation {
    condition     = length(var.key_officer_object_ids) >= 2
    error_message = "key_officer_object_ids must name at least two people or groups."
  }
}

variable "databricks_application_object_id" {
  description = "Object id, in this tenant, of the enterprise application AzureDatabricks (application id 2ff814a6-3304-4ab8-85cd-cd0e6f879c1d). It reads the key vault for the secret scope."
  type        = string
}

variable "secret_version" {
  description = "Raise by one to generate each key of generated_secrets anew. The suppression list must then be keyed again (import_suppressions)."
  type        = number
  default     = 1
}

variable "catalog" {
  description = "Unity Catalog catalog of this environment."
  type        = string
  default     = "appetence"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{2,30}$", var.catalog))
    error_message = "catalog must be lower-case letters, digits and underscores."
  }
}

variable "groups" {
  description = "Account groups, kept by the identity provider, that hold each role."
  type = object({
    data_scientists   = string
    campaign_teams    = string
    officer           = string
    auditors          = string
    commercial_agents = string
  })
  default = {
    data_scientists   = "appetence-data-scientists"
    campaign_teams    = "appetence-campaign-teams"
    officer           = "appetence-data-protection-officer"
    auditors          = "appetence-auditors"
    commercial_agents = "appetence-commercial-agents"
  }
}

variable "tables_exist" {
  description = "False at the first apply. True once the chain has run: grants on single tables need the tables."
  type        = bool
  default     = false
}

variable "spark_version" {
  description = "Databricks runtime: 17.3 LTS, which is Spark 4.0."
  type        = string
  default     = "17.3.x-scala2.13"

  validation {
    condition     = startswith(var.spark_version, "17.3.x")
    error_message = "spark_version must be a 17.3 LTS runtime: the library's pins are made for its Spark 4.0."
  }
}

variable "node_types" {
  description = "Azure machine type for each cluster size of conf/jobs.yaml."
  type        = map(string)
  default = {
    small  = "Standard_D4ds_v5"
    medium = "Standard_D8ds_v5"
    large  = "Standard_E8ds_v5"
  }
}

variable "wheel" {
  description = "The cluster wheel that `make wheel` leaves in dist/."
  type        = string
  default     = "../../dist/appetence-0.1.0+cluster-py3-none-any.whl"

  validation {
    condition     = can(regex("[+]cluster-py3-none-any[.]whl$", var.wheel))
    error_message = "wheel must be the one built for clusters (its name holds +cluster): the other would replace the cluster's own Spark."
  }
}

variable "alert_addresses" {
  description = "E-mail addresses told when a job fails."
  type        = list(string)
  default     = []
}

variable "schedules_paused" {
  description = "True until the first run by hand was good."
  type        = bool
  default     = true
}
