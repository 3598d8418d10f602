// A file on any server that knows ranges (docs/sources.md). Folders of web servers cannot be listed: what belongs to a file
// is asked for by the names that it may have.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/remote/header_cache.h"
#include "src/remote/remote_file.h"
#include "src/remote/repository.h"
#include "src/source/file_names.h"
#include "src/source/parallel.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

constexpr std::size_t kAtOnce = 16;
constexpr std::uint64_t kMostParts = 10'000;

// The small files that change what is said of weights beside them.
std::set<std::string> side_names(const std::string& name) {
  std::set<std::string> names;
  const auto add = [&](const auto& list) {
    for (const std::string_view side : list) names.emplace(side);
  };
  add(kConfigNames);
  add(kQuantizationConfigNames);
  add(kTokenizerConfigNames);
  add(kChatTemplateNames);
  if (is_adapter_name(name)) add(kAdapterConfigNames);
  names.emplace(kSentenceModulesName);
  if (parse_part_name(name)) names.emplace("model.safetensors.index.json");
  return names;
}

// All parts of the set that a part belongs to, by its pattern.
std::set<std::string> parts_of(const std::string& name) {
  std::set<std::string> names{name};
  const auto part = parse_part_name(name);
  if (!part || part->total > kMostParts) return names;
  const std::size_t digits = name.find("-of-") - part->prefix.size();
  for (std::uint64_t number = 1; number <= part->total; ++number) {
    names.insert(fmt::format("{}{:0{}}-of-{:0{}}{}", part->prefix, number, digits, part->total, digits, part->suffix));
  }
  return names;
}

// The shards that an index names, as far as they are names of files beside it.
std::set<std::string> shards_of(const std::vector<std::byte>& index) {
  std::set<std::string> names;
  const ParsedJson json = parse_json({reinterpret_cast<const char*>(index.data()), index.size()}, kHeaderJson);
  const auto map = json && json.value->is_object() ? json.value->find("weight_map") : nlohmann::json::iterator();
  if (!json || !json.value->is_object() || map == json.value->end() || !map->is_object()) return names;
  for (const auto& shard : *map) {
    if (!shard.is_string() || names.size() > kMostParts) continue;
    const std::string name = shard.get<std::string>();
    if (stays_inside(name) && name.find('/') == std::string::npos) names.insert(name);
  }
  return names;
}

// Whether a small file is there, which shows when it is asked for. A page for people, which some servers have for every
// address, is none. A server that cannot tell now is an error: the report would be that of another model.
bool is_served(const Url& url, RemoteSession& session) {
  const Fetched fetched = session.fetch({.url = url, .range = ByteRange{0, 1}, .most_bytes = 1});
  const int status = fetched.reply.status;
  if (status == 200 || status == 206) {
    return !lower(fetched.reply.header("content-type")).starts_with("text/html") &&
           !fetched.reply.body.starts_with('<');
  }
  if (status == 404 || status == 410 || status == 403) return false;
  if (status == 416) return true;  // empty
  throw IoError(fmt::format("{} answers {} where {} is asked for", url.host_and_port(), status, base_name(url.path)));
}

}  // namespace

RemotePlace look_up_web(const Reference& reference, RemoteSession& session) {
  const Url& url = *reference.url;
  const std::string folder(folder_part(url.path));
  const std::string name = percent_decoded(base_name(url.path)).value_or("");
  if (name.empty() || !stays_inside(name)) {
    throw IoError("is a folder of a web server, which cannot be listed: name a file, or an index.json");
  }
  Url root = url;
  root.path = folder.substr(0, folder.size() - 1);
  root.query.clear();
  const bool is_signed = !url.query.empty();
  const std::string key = url.text();
  auto repository = std::make_shared<Repository>();
  const auto url_of = [&](const std::string& file) {
    Url place = url;
    if (file != name) place.path = folder + percent_encoded(file);
    return place;
  };
  const auto kept = session.offline() ? kept_list(key) : std::nullopt;
  if (session.offline() && !kept) throw IoError("is not in the cache of headers, and --offline forbids to ask for it");
  if (kept) {
    *repository = *kept;
  } else {
    std::set<std::string> names = is_signed ? std::set<std::string>{name} : parts_of(name);
    if (is_signed && parse_part_name(name)) {
      session.tell("an address with a query opens one file alone: the other parts need addresses of their own");
    }
    std::set<std::string> asked;
    if (!is_signed && (is_safetensors_name(name) || is_index_name(name))) asked = side_names(name);
    if (is_index_name(name)) {
      const Fetched fetched = session.fetch({.url = url, .most_bytes = kHeaderJson.bytes});
      if (fetched.reply.status != 200)
        throw IoError(fmt::format("{} answers {}", url.host_and_port(), fetched.reply.status));
      const auto bytes = std::as_bytes(std::span(fetched.reply.body));
      names.merge(shards_of({bytes.begin(), bytes.end()}));
    }
    for (const std::string& one : names) repository->files.push_back({.path = one, .url = url_of(one)});
    const std::vector<std::string> sides(asked.begin(), asked.end());
    std::vector<char> there(sides.size(), 0);
    std::vector<std::exception_ptr> failures(sides.size());
    at_once(sides.size(), kAtOnce, [&](std::size_t i) {
      try {
        there[i] = is_served(url_of(sides[i]), session) ? 1 : 0;
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (there[i] != 0 && !names.contains(sides[i]))
        repository->files.push_back({.path = sides[i], .url = url_of(sides[i])});
    }
    sort_listed(repository->files);
  }
  repository->shown = root.text();
  while (repository->shown.ends_with('/')) repository->shown.pop_back();
  repository->name = std::string(base_name(root.path));
  if (repository->name.empty()) repository->name = url.host;
  if (!kept) keep_list(key, *repository);
  return {repository, name};
}

}  // namespace weigh::core
