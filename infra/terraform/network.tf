# The clusters have no public address; what they ask of the internet leaves through one gateway.

resource "azurerm_virtual_network" "main" {
  name                = local.name
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  address_space       = [var.address_space]
  tags                = local.tags
}

resource "azurerm_network_security_group" "clusters" {
  name                = "${local.name}-clusters"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags

  lifecycle {
    # Databricks writes its own rules here.
    ignore_changes = [security_rule]
  }
}

resource "azurerm_subnet" "clusters" {
  for_each = { host = 0, container = 1 }

  name                 = "${local.name}-${each.key}"
  resource_group_name  = azurerm_resource_group.main.name
  virtual_network_name = azurerm_virtual_network.main.name
  address_prefixes     = [cidrsubnet(var.address_space, 1, each.value)]
  service_endpoints    = ["Microsoft.Storage", "Microsoft.KeyVault"]

  delegation {
    name = "databricks"

    service_delegation {
      name = "Microsoft.Databricks/workspaces"
      actions = [
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/virtualNetworks/subnets/prepareNetworkPolicies/action",
        "Microsoft.Network/virtualNetworks/subnets/unprepareNetworkPolicies/action",
      ]
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "clusters" {
  for_each = azurerm_subnet.clusters

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.clusters.id
}

resource "azurerm_public_ip" "outbound" {
  name                = "${local.name}-outbound"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway" "outbound" {
  name                = "${local.name}-outbound"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  sku_name            = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway_public_ip_association" "outbound" {
  nat_gateway_id       = azurerm_nat_gateway.outbound.id
  public_ip_address_id = azurerm_public_ip.outbound.id
}

resource "azurerm_subnet_nat_gateway_association" "outbound" {
  for_each = azurerm_subnet.clusters

  subnet_id      = each.value.id
  nat_gateway_id = azurerm_nat_gateway.outbound.id
}
