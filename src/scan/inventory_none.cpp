// A build without SQLite keeps no inventory: nobody can open one.
#include "formats/error.h"
#include "src/scan/inventory.h"

namespace weigh::core {

struct Inventory::Database {};

Inventory::Inventory(const std::string& path, std::string_view, InventoryUse) {
  throw IoError(path + ": there is no inventory: built without SQLite");
}
Inventory::~Inventory() = default;
bool Inventory::is_current(const std::string&, const std::string&, const std::string&) const { return false; }
std::vector<StoredModel> Inventory::models_of(const std::string&, const std::string&) const { return {}; }
void Inventory::put(const FolderContent&) {}
void Inventory::load(const StoredModel&) {}
void Inventory::load(const Failure&) {}
void Inventory::forget(const std::vector<std::string>&, const std::set<std::string>&, const std::vector<std::string>&) {
}
void Inventory::each(const std::vector<std::string>&, const InventorySink&) const {}
void Inventory::mark_changed(const std::set<std::string>&) {}
void Inventory::finish() {}

}  // namespace weigh::core
