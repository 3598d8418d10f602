// Ollama's registry (docs/sources.md).

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/error.h"
#include "src/remote/repository.h"
#include "src/source/ollama_manifest.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

// Without an agent of this form the registry refuses newer models (412).
const Header kAgent{"User-Agent", "ollama/0.13.0 (amd64 linux) Go/go1.25.0"};
const Header kAccept{"Accept", "application/vnd.docker.distribution.manifest.v2+json"};
constexpr std::uint64_t kMostConfigBytes = std::uint64_t{64} << 10U;

std::string explain_registry(const Fetched& fetched, const Reference& reference) {
  const int status = fetched.reply.status;
  const std::string host = fetched.url.host_and_port();
  if (status == 404) return fmt::format("no model {} with the tag {} on {}", reference.name, reference.revision, host);
  if (status == 401 || status == 403)
    return fmt::format("is private on {}: pull it with ollama first, then name it ollama:NAME", host);
  if (status == 412) return fmt::format("{} wants a newer Ollama for it (412)", host);
  return fmt::format("{} answers {}", host, status);
}

Url blob_url(const Reference& reference, const std::string& digest) {
  return below(*reference.url, fmt::format("/v2/{}/blobs/{}", reference.name, digest));
}

// Models that run on Ollama's own machines have a config and no weights.
void check_cloud(const nlohmann::json& manifest, const Reference& reference, RemoteSession& session) {
  const auto config = manifest.find("config");
  std::string digest = config == manifest.end() ? "" : text_in(*config, "digest");
  std::string blob = digest;
  if (const auto colon = blob.find(':'); colon != std::string::npos) blob[colon] = '-';
  if (!is_ollama_blob_name(blob)) return;
  const Fetched fetched =
      session.fetch({.url = blob_url(reference, digest), .headers = {kAgent}, .most_bytes = kMostConfigBytes});
  if (fetched.reply.status != 200) return;
  const auto json = json_of(fetched, "a model's config");
  if (const std::string host = text_in(*json, "remote_host"); !host.empty()) {
    throw IoError(fmt::format("is a cloud model: it runs on {} and has no weights to weigh", host));
  }
}

}  // namespace

RemotePlace look_up_ollama(const Reference& reference, RemoteSession& session) {
  const std::string key = fmt::format("{} {}:{}", reference.url->text(), reference.name, reference.revision);
  auto repository = std::make_shared<Repository>();
  if (session.offline()) {
    auto kept = kept_list(key);
    if (!kept) throw IoError("is not in the cache of headers, and --offline forbids to ask for it");
    *repository = std::move(*kept);
  } else {
    const Fetched fetched = session.fetch(
        {.url = below(*reference.url, fmt::format("/v2/{}/manifests/{}", reference.name, reference.revision)),
         .headers = {kAccept, kAgent},
         .most_bytes = kMostListBytes});
    if (fetched.reply.status != 200) throw IoError(explain_registry(fetched, reference));
    const auto manifest = json_of(fetched, "a manifest");
    for (OllamaLayer& layer : ollama_layers(*manifest)) {
      add_listed({.path = std::move(layer.name),
                  .bytes = layer.bytes,
                  .content = layer.digest,
                  .url = blob_url(reference, layer.digest)},
                 repository->files);
    }
    if (repository->files.empty()) check_cloud(*manifest, reference, session);
    sort_listed(repository->files);
  }
  repository->shown = text_of(reference);
  repository->name = repository->shown.substr(std::string_view("ollama://").size());
  repository->headers = {kAgent};
  if (!session.offline()) keep_list(key, *repository);
  repository->explain = [reference](const Fetched& failed) { return explain_registry(failed, reference); };
  return {repository, {}};
}

}  // namespace weigh::core
