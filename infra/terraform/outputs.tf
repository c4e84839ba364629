output "workspace_url" {
  description = "Where people open Databricks."
  value       = "https://${azurerm_databricks_workspace.main.workspace_url}"
}

output "catalog" {
  description = "Catalog that holds the tables."
  value       = databricks_catalog.main.name
}

output "inbox_url" {
  description = "Where the managed file transfer puts members' files."
  value       = databricks_external_location.main["inbox"].url
}

output "outbox_url" {
  description = "Where the managed file transfer takes files for recipients and members."
  value       = databricks_external_location.main["outbox"].url
}

output "key_vault_uri" {
  description = "Vault that takes the operator's PGP passphrase and fingerprint (README)."
  value       = azurerm_key_vault.main.vault_uri
}

output "secrets_to_import" {
  description = "Names of the secrets an officer puts into the vault by hand."
  value       = keys(local.imported_secrets)
}

output "outbound_ip" {
  description = "Address the clusters appear under, for partners' allow-lists."
  value       = azurerm_public_ip.outbound.ip_address
}

output "job_ids" {
  description = "Databricks job of each job of conf/jobs.yaml, and of the nightly workflow."
  value       = merge({ for name, job in databricks_job.main : name => job.id }, { (local.plan.workflow.name) = databricks_job.nightly.id })
}
