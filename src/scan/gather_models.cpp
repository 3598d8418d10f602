#include "src/scan/gather_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "formats/error.h"
#include "src/scan/file_kinds.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kLeastUnclearBytes = std::uint64_t{64} << 10;  // a smaller file holds no model

std::string folder_name(const FolderLocation& location) {
  const std::string_view name = base_name(location.absolute);
  return name.empty() ? location.absolute : std::string(name);
}

}  // namespace

PendingFolder ModelGatherer::gather_folder(const FolderLocation& location, const FolderListing& listing, Names names) {
  Owner owner = owner_of(location.absolute);
  PendingFolder pending;
  FoundFolder& found = pending.found;
  found.store = owner.store;
  found.folder.path = location.path;
  for (const std::string& name : listing.broken) {
    reporter_.report_failure(found.folder.path_of(name), "a link to a file that is not there");
  }
  for (const auto& [name, why] : listing.unreadable) add_unreadable(name, why, pending);
  // A cache's files are links to blobs that have no other name.
  const bool links_count = owner.store == Store::HuggingFace;
  add_model_files({listing.files, listing, "", false, names}, pending);
  add_model_files({listing.linked_files, listing, "", !links_count, names}, pending);
  if (listing.has_file("model_index.json")) {
    for (const std::string& part : listing.folders) add_pipeline_part(location, part, false, pending);
    for (const std::string& part : listing.linked_folders) add_pipeline_part(location, part, true, pending);
  }
  if (pending.has_models) add_side_files("", listing, pending);
  found.folder.name = owner.name.empty() ? folder_name(location) : owner.name;
  found.owner = std::move(owner.name);
  std::ranges::sort(pending.hard_links, {}, [&](std::size_t i) -> const std::string& { return found.files[i].name; });
  return pending;
}

PendingFolder ModelGatherer::gather_ollama_model(const std::string& store, const OllamaModel& model) {
  PendingFolder pending;
  FoundFolder& found = pending.found;
  found.store = Store::Ollama;
  found.owner = model.name;
  std::vector<Failure> failures;
  found.folder = ollama_folder(store, model, failures);
  for (const Failure& failure : failures) reporter_.report_failure(failure.path, failure.message);
  for (const std::string& name : std::exchange(found.folder.names, {})) {
    if (const auto status = status_of(found.folder.path_of(name))) {
      add_file(name, *status, false, pending);
    } else if (!is_absent()) {
      add_unreadable(name, std::strerror(errno), pending);
    }
  }
  return pending;
}

// One level deep; a hidden folder is no part.
void ModelGatherer::add_pipeline_part(const FolderLocation& pipeline, const std::string& part, bool is_link,
                                      PendingFolder& pending) {
  if (part.starts_with('.')) return;
  try {
    FolderListing inside = list_folder(pipeline.child(part).path);
    const bool has_weights = std::ranges::any_of(inside.files, is_safetensors_name) ||
                             std::ranges::any_of(inside.linked_files, is_safetensors_name);
    inside.erase_files([](const std::string& name) { return is_model_name(name) && !is_safetensors_name(name); });
    const bool links_count = !is_link && pending.found.store == Store::HuggingFace;
    const std::string prefix = part + '/';
    add_model_files({inside.files, inside, prefix, is_link, Names::OfModels}, pending);
    add_model_files({inside.linked_files, inside, prefix, !links_count, Names::OfModels}, pending);
    add_side_files(prefix, inside, pending);
    if (has_weights) pending.pipeline_parts.insert(part);
  } catch (const Error&) {
    // Reported when the walk comes to the folder itself.
  }
}

void ModelGatherer::add_model_files(const Group& group, PendingFolder& pending) {
  for (const std::string& file : group.files) {
    if (reporter_.stopped()) return;
    const bool named = is_model_name(file);
    const bool unclear =
        !named && group.prefix.empty() && !is_side_name(file) && (group.names == Names::Any || is_unclear_name(file));
    if (!named && !unclear) continue;
    reporter_.count_look();
    std::string name = group.prefix + file;
    const auto status = group.listing.status_of(file);
    if (!status && named && !is_absent()) {
      add_unreadable(name, std::strerror(errno), pending);
    } else if (!status || !status->is_file) {
      if (named) reporter_.report_failure(pending.found.folder.path_of(name), "is gone");
    } else if (named) {
      add_file(std::move(name), *status, group.are_links, pending);
    } else {
      add_unclear_file(group, name, *status, pending);
    }
  }
}

// A GGUF file by another name: it is shown with a suffix that no other file has.
void ModelGatherer::add_unclear_file(const Group& group, const std::string& name, const FileStatus& status,
                                     PendingFolder& pending) {
  Folder& folder = pending.found.folder;
  const std::string path = folder.path_of(name);
  const bool is_small = status.stamp.bytes < kLeastUnclearBytes;
  if ((is_small && group.names != Names::Any) || !begins_with_gguf(path)) return;
  std::string shown = name + ".gguf";
  while (group.listing.has_file(shown) || folder.places.contains(shown)) shown += ".gguf";
  folder.places[shown] = path;
  add_file(shown, status, group.are_links, pending);
}

void ModelGatherer::add_unreadable(const std::string& name, const std::string& why, PendingFolder& pending) {
  pending.found.unreadable.push_back(name);
  reporter_.report_failure(pending.found.folder.path_of(name), "cannot be read: " + why);
}

void ModelGatherer::add_side_files(const std::string& prefix, const FolderListing& listing, PendingFolder& pending) {
  for (const auto* files : {&listing.files, &listing.linked_files}) {
    for (const std::string& file : *files) {
      if (reporter_.stopped()) return;
      if (!is_side_name(file)) continue;
      reporter_.count_look();
      const auto status = listing.status_of(file);
      if (status && status->is_file) add_file(prefix + file, *status, false, pending);
    }
  }
}

void ModelGatherer::add_file(std::string name, const FileStatus& status, bool is_link, PendingFolder& pending) {
  pending.found.folder.names.push_back(name);
  FoundFile file{std::move(name), status.stamp, true};
  if (is_model_name(file.name)) {
    pending.has_models = true;
    if (is_link) {
      pending.links.push_back(pending.found.files.size());
    } else if (status.hard_links > 1) {
      pending.hard_links.push_back(pending.found.files.size());
    } else {
      names_.claim(file);
    }
  }
  pending.found.files.push_back(std::move(file));
}

}  // namespace weigh::core
