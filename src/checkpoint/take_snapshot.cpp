#include "src/checkpoint/take_snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/error.h"
#include "formats/model_file.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/checkpoint/resolved_path.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

// Of a store one model: a snapshot is one folder.
ResolvedPath resolve_one(const std::string& named) {
  const std::string path = locate_model(named);
  auto store = resolve_store(path);
  if (!store || store->models.empty()) return resolve_path(path);
  if (store->models.size() > 1) {
    throw UsageError(fmt::format("{} holds {} models; name one by its manifest, such as {}", path, store->models.size(),
                                 store->models.back().manifest));
  }
  return std::move(store->models.front());
}

}  // namespace

Snapshot take_snapshot(const std::string& path) {
  const ResolvedPath resolved = resolve_one(path);
  if (resolved.selections.empty()) throw IoError(explain_no_model(resolved.folder), std::nullopt, FindingCode::NoModel);
  if (!resolved.failures.empty()) std::rethrow_exception(resolved.failures.front().error);
  fetch_ahead(resolved.folder, resolved.selections, Vocabularies::Each);
  Snapshot snapshot;
  snapshot.name = resolved.selections.size() == 1 ? resolved.selections.front().name : resolved.folder.name;
  bool safetensors = false;
  for (const Selection& selection : resolved.selections) {
    for (const std::string& name : selection.files) {
      const auto source = resolved.folder.open(name);
      const ModelFile file = read_model_file(*source, name);
      safetensors = safetensors || file.format == Format::Safetensors;
      SnapshotFile head{name, source->size(), {}};
      head.head.resize(std::min({file.header_bytes, source->size(), source->available()}));
      source->read(0, head.head);
      snapshot.files.push_back(std::move(head));
    }
  }
  for (const std::string& name : resolved.folder.names) {
    if (!safetensors || !is_side_file_name(name)) continue;
    const auto source = resolved.folder.open(name);
    if (source->size() > kMaxSideFileBytes) continue;
    snapshot.files.push_back({name, source->size(), read_all(*source, kMaxSideFileBytes)});
  }
  return snapshot;
}

}  // namespace weigh::core
