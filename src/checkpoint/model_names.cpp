#include "src/checkpoint/model_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/checkpoint/local_stores.h"
#include "src/checkpoint/near_names.h"
#include "src/checkpoint/ollama_store.h"
#include "src/checkpoint/selection.h"
#include "src/checkpoint/standard_input.h"
#include "src/remote/reference.h"
#include "src/remote/session.h"
#include "src/source/environment.h"
#include "src/source/file_names.h"
#include "src/source/hub_cache.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOllamaPrefix = "ollama:";
constexpr std::string_view kLmStudioPrefix = "lmstudio:";
constexpr std::size_t kMaxNamed = 4;

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::vector<std::string> folders_of(Store kind) {
  std::vector<std::string> folders;
  for (LocalStore& store : local_stores()) {
    if (store.store == kind) folders.push_back(std::move(store.folder));
  }
  return folders;
}

// Folders in a folder, sorted; none where it cannot be listed.
std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->is_directory(ignored)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

// --- What the stores have, by their names, sorted

std::vector<std::string> hub_names() {
  std::set<std::string> names;
  for (const std::string& cache : folders_of(Store::HuggingFace)) {
    for (const std::string& folder : folders_in(cache)) {
      if (auto name = repository_of(folder)) names.insert(std::move(*name));
    }
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> ollama_names() {
  std::set<std::string> names;
  for (const std::string& store : folders_of(Store::Ollama)) {
    std::vector<Failure> failures;
    for (const std::string& manifest : list_ollama_manifests(store, failures)) names.insert(ollama_name(manifest));
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> lm_studio_names() {
  std::set<std::string> names;
  for (const std::string& store : folders_of(Store::LmStudio)) {
    for (const std::string& publisher : folders_in(store)) {
      for (const std::string& model : folders_in(fs::path(store) / publisher)) {
        names.insert(fmt::format("{}/{}", publisher, model));
      }
    }
  }
  return {names.begin(), names.end()};
}

// --- By a prefix

// "OWNER has a, b and 7 more"; what is near first, else the first few.
std::string what_there_is(std::string_view owner, const std::vector<std::string>& names, std::string_view wanted) {
  if (names.empty()) return fmt::format("{} has no model", owner);
  if (const auto near = near_names(wanted, names, kMaxNamed); !near.empty()) {
    return fmt::format("{} has {}", owner, fmt::join(near, ", "));
  }
  const std::size_t shown = std::min(names.size(), kMaxNamed);
  const std::vector<std::string> first(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown));
  const std::string more = shown < names.size() ? fmt::format(" and {} more", names.size() - shown) : "";
  return fmt::format("{} has {}{}", owner, fmt::join(first, ", "), more);
}

[[noreturn]] void fail_in_store(Store store, std::string_view wanted, const std::vector<std::string>& names) {
  const std::string owner(store_title(store));
  if (!folders_of(store).empty()) throw IoError("no such model; " + what_there_is(owner, names, wanted));
  std::string places;
  for (const LocalStore& usual : usual_stores()) {
    if (usual.store == store) places += (places.empty() ? "" : ", ") + usual.folder;
  }
  throw IoError(fmt::format("no such model; {} has no store here: looked for {}", owner, places));
}

// HOST/NAMESPACE/MODEL/TAG of "[[HOST/]NAMESPACE/]MODEL[:TAG]"; nothing when it is no name of a model.
std::optional<std::string> manifest_of(std::string_view name) {
  constexpr std::string_view kTag = "latest";
  std::string_view tag = kTag;
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  const auto slashes = std::ranges::count(name, '/');
  if (tag.find('/') != std::string_view::npos || slashes > 2) return std::nullopt;
  constexpr std::string_view kHost = "registry.ollama.ai/";
  constexpr std::string_view kLibrary = "library/";
  std::string manifest = fmt::format("{}{}{}/{}", slashes < 2 ? kHost : "", slashes < 1 ? kLibrary : "", name, tag);
  return stays_inside(manifest) ? std::optional(std::move(manifest)) : std::nullopt;
}

std::string locate_in_ollama(std::string_view name) {
  const auto manifest = manifest_of(name);
  if (!manifest) throw IoError("is no name of a model in Ollama's store: write ollama:NAME or ollama:NAME:TAG");
  for (const std::string& store : folders_of(Store::Ollama)) {
    std::string path = fmt::format("{}/{}/{}", store, kOllamaManifests, *manifest);
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path;
  }
  fail_in_store(Store::Ollama, name, ollama_names());
}

std::string locate_in_lm_studio(std::string_view name) {
  if (!stays_inside(name) || name.find('/') == std::string_view::npos) {
    throw IoError("is no name of a model in LM Studio's store: write lmstudio:PUBLISHER/MODEL");
  }
  for (const std::string& store : folders_of(Store::LmStudio)) {
    if (std::string path = fmt::format("{}/{}", store, name); is_there(path)) return path;
  }
  fail_in_store(Store::LmStudio, name, lm_studio_names());
}

// --- In the Hugging Face cache

// A name as it is written: ORG/NAME[@REVISION][/FILE].
struct HubName {
  std::string repository;
  std::string rest;  // of a name with '@': REVISION[/FILE]; else FILE
  bool has_revision = false;
};

HubName split_hub_name(const std::string& named) {
  HubName name;
  std::string repository = named;
  if (const auto at = named.find('@'); at != std::string::npos) {
    name.has_revision = true;
    name.rest = named.substr(at + 1);
    repository = named.substr(0, at);
  } else if (const auto slash = named.find('/'); slash != std::string::npos) {
    if (const auto second = named.find('/', slash + 1); second != std::string::npos) {
      name.rest = named.substr(second + 1);
      repository = named.substr(0, second);
    }
  }
  name.repository = repository_of(repository).value_or(repository);
  return name;
}

// The repository's folder; empty where no cache has it. ORG/NAME becomes one folder's name: nothing of it leads out.
std::string repository_folder(const std::string& repository) {
  if (!stays_inside(repository) || std::ranges::count(repository, '/') > 1) return {};
  std::string folder = "models--" + repository;
  if (const auto slash = folder.find('/'); slash != std::string::npos) folder.replace(slash, 1, "--");
  for (const std::string& cache : folders_of(Store::HuggingFace)) {
    if (std::string path = fmt::format("{}/{}", cache, folder); is_there(path)) return path;
  }
  return {};
}

std::string file_of_commit(const std::string& commit, const std::string& file) {
  if (file.empty()) return commit;
  std::string path = fmt::format("{}/{}", commit, file);
  if (!stays_inside(file) || !is_there(path)) throw IoError(fmt::format("no file {} in the repository", quote(file)));
  return path;
}

std::string revisions_listed(const std::string& folder) {
  std::vector<std::string> revisions = revisions_of(folder);
  const std::size_t more = revisions.size() - std::min(revisions.size(), kMaxNamed);
  revisions.resize(revisions.size() - more);
  return fmt::format("{}{}", fmt::join(revisions, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

std::string locate_revision(const std::string& folder, const std::string& rest) {
  // A branch may have slashes in its name: the longest one counts.
  for (std::size_t end = rest.size(); end != std::string::npos && end > 0; end = rest.rfind('/', end - 1)) {
    const std::string commit = commit_folder(folder, rest.substr(0, end));
    if (!commit.empty()) return file_of_commit(commit, end < rest.size() ? rest.substr(end + 1) : "");
  }
  const std::string revisions = revisions_listed(folder);
  if (revisions.empty()) throw IoError("the Hugging Face cache has none of its files yet");
  throw IoError(fmt::format("no such revision; the Hugging Face cache has {}", revisions));
}

std::string locate_in_repository(const std::string& folder, const HubName& name) {
  if (name.has_revision) return locate_revision(folder, name.rest);
  const std::string commit = current_commit_folder(folder);
  if (!commit.empty()) return file_of_commit(commit, name.rest);
  const std::string revisions = revisions_listed(folder);
  if (revisions.empty()) throw IoError("the Hugging Face cache has none of its files yet");
  throw IoError(fmt::format("the Hugging Face cache has several commits; name one with @: {}", revisions));
}

// "PATH/models--ORG--NAME@REVISION"; empty for anything else.
std::string locate_repository_path(const std::string& named) {
  const auto at = named.rfind('@');
  if (at == std::string::npos || !repository_of(base_name(named.substr(0, at)))) return {};
  const std::string folder = named.substr(0, at);
  return is_there(folder) ? locate_revision(folder, named.substr(at + 1)) : std::string();
}

// --- What a reference to a server names, where this machine has it

// The weights that the list of a commit names (trees/COMMIT.json); nothing where no list was downloaded.
std::optional<std::vector<std::string>> listed_weights(const std::string& repository, const std::string& commit) {
  try {
    FileSource file(fmt::format("{}/trees/{}.json", repository, commit));
    const ParsedJson json = read_json(file, kTreeJson);
    const auto files = json && json.value->is_object() ? json.value->find("files") : nlohmann::json::iterator();
    if (!json || !json.value->is_object() || files == json.value->end() || !files->is_object()) return std::nullopt;
    std::vector<std::string> weights;
    for (const auto& [name, facts] : files->items()) {
      if (is_weights_name(name) && stays_inside(name)) weights.push_back(name);
    }
    return weights;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Whether the folder of a commit has all of its weights.
bool is_whole(const std::string& repository, const std::string& folder) {
  try {
    if (const auto listed = listed_weights(repository, std::string(base_name(folder)))) {
      return std::ranges::all_of(*listed, [&](const std::string& name) { return is_there(folder + '/' + name); });
    }
    const FolderModels models = select_all_models(local_folder(folder));
    // One of several GGUF files may be all that was wanted of them: only safetensors say what belongs together.
    return models.failures.empty() && !models.selections.empty() &&
           std::ranges::all_of(models.selections, [](const Selection& selection) {
             return is_safetensors_name(selection.files.front()) && selection.missing_count == 0;
           });
  } catch (const Error&) {
    return false;
  }
}

std::string locate_reference(const Reference& reference) {
  std::string text = text_of(reference);
  if (reference.kind == RemoteKind::Ollama) {
    for (const std::string& store : folders_of(Store::Ollama)) {
      std::string path =
          fmt::format("{}/{}/{}/{}/{}", store, kOllamaManifests, reference.host, reference.name, reference.revision);
      std::error_code error;
      if (fs::is_regular_file(path, error)) return path;
    }
  }
  if (reference.kind != RemoteKind::HuggingFace || reference.type != "models") return text;
  const std::string repository = repository_folder(reference.name);
  const std::string revision = reference.revision.empty() ? "main" : reference.revision;
  const std::string commit = repository.empty() ? "" : commit_folder(repository, revision);
  if (commit.empty()) return text;
  if (!reference.path.empty()) {
    std::string path = fmt::format("{}/{}", commit, reference.path);
    return stays_inside(reference.path) && is_there(path) ? path : text;
  }
  // Where nobody may be asked, a part is better than nothing.
  const bool is_offline =
      is_switched_on("HF_HUB_OFFLINE") || is_switched_on("TRANSFORMERS_OFFLINE") || RemoteSession::current()->offline();
  return is_offline || is_whole(repository, commit) ? commit : text;
}

// --- What does not exist

// Whether it was meant as a path, by its look.
bool looks_like_path(std::string_view named) {
  return named.empty() || named.starts_with('/') || named.starts_with('.') || named.starts_with('~') ||
         named.ends_with('/') || is_model_name(named) || named.ends_with(".json") || !stays_inside(named);
}

// "ORG/NAME" and nothing else.
bool is_repository_name(std::string_view named) {
  const auto slash = named.find('/');
  return slash != std::string_view::npos && slash > 0 && slash + 1 < named.size() &&
         named.find('/', slash + 1) == std::string_view::npos && !looks_like_path(named) &&
         named.find_first_of(":\\ ") == std::string_view::npos;
}

// "; the Hugging Face cache has ..."; empty where nothing is near.
std::string what_is_near(const std::string& named) {
  if (looks_like_path(named)) return {};
  struct Known {
    Store store;
    std::string_view prefix;
    std::vector<std::string> names;
  };
  std::string text;
  for (const Known& known :
       {Known{Store::HuggingFace, "", hub_names()}, Known{Store::Ollama, kOllamaPrefix, ollama_names()},
        Known{Store::LmStudio, kLmStudioPrefix, lm_studio_names()}}) {
    const auto near = near_names(named, known.names, kMaxNamed);
    if (near.empty()) continue;
    text += fmt::format("; {} has {}", store_title(known.store), fmt::join(near, ", "));
    if (!known.prefix.empty()) text += fmt::format(": write {}{}", known.prefix, near.front());
  }
  return text;
}

}  // namespace

std::string locate_model(const std::string& named) {
  if (named == kStandardInput || is_there(named)) return named;
  if (const auto reference = parse_reference(named)) return locate_reference(*reference);
  const std::string_view name(named);
  if (name.starts_with(kOllamaPrefix)) {
    return locate_in_ollama(name.substr(kOllamaPrefix.size()));
  }
  if (name.starts_with(kLmStudioPrefix)) return locate_in_lm_studio(name.substr(kLmStudioPrefix.size()));
  if (std::string path = locate_repository_path(named); !path.empty()) return path;
  const HubName hub = split_hub_name(named);
  if (const std::string folder = repository_folder(hub.repository); !folder.empty()) {
    return locate_in_repository(folder, hub);
  }
  const bool may_be_on_hub = is_repository_name(named.substr(0, named.find('@')));
  throw IoError(fmt::format("does not exist{}{}", what_is_near(named.substr(0, named.find('@'))),
                            may_be_on_hub ? fmt::format("; to ask the Hub for it: weigh hf://{}", named) : ""));
}

}  // namespace weigh::core
