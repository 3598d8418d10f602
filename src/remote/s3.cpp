// S3 and stores like it (docs/sources.md). libcurl signs; what its older versions sign wrongly is avoided here: a plus or
// any other byte than a plain one in a path, a query that is not sorted and escaped, and a payload that is not named.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/remote/repository.h"
#include "src/source/environment.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

constexpr std::string_view kUsualRegion = "us-east-1";
constexpr std::size_t kMostPages = 1000;

// --- What the environment says

using Profile = std::map<std::string, std::string>;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// A section of ~/.aws/credentials or ~/.aws/config: "[name]" or "[profile name]", then "key = value".
Profile read_profile(const std::string& path, std::string_view name) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20U;
  std::string text;
  try {
    FileSource file(path);
    text.resize(static_cast<std::size_t>(std::min(file.size(), kMost)));
    file.read(0, std::as_writable_bytes(std::span(text)));
  } catch (const Error&) {  // there need not be one
    return {};
  }
  Profile profile;
  bool inside = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view raw = rest.substr(0, end);
    const std::string_view line = trimmed(raw);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[')) {
      std::string_view section = trimmed(line.substr(1, std::min(line.find(']'), line.size()) - 1));
      if (section.starts_with("profile ")) section = trimmed(section.substr(8));
      inside = section == name;
    } else if (const auto equals = line.find('=');
               inside && equals != std::string_view::npos && raw.front() != ' ' && raw.front() != '\t') {
      profile[lower(trimmed(line.substr(0, equals)))] = trimmed(line.substr(equals + 1));
    }
  }
  return profile;
}

struct Account {
  std::optional<AwsKeys> keys;  // none: public buckets
  std::string region;
  std::optional<Url> endpoint;  // none: Amazon's
};

bool is_region(std::string_view text) {
  return !text.empty() && text.size() < 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Account find_account() {
  const std::string home = variable("HOME").value_or("");
  const std::string name = variable("AWS_PROFILE").value_or("default");
  Profile profile = read_profile(expanded(variable("AWS_CONFIG_FILE").value_or(home + "/.aws/config")), name);
  for (auto& [key, value] :
       read_profile(expanded(variable("AWS_SHARED_CREDENTIALS_FILE").value_or(home + "/.aws/credentials")), name)) {
    profile[key] = value;
  }
  const auto setting = [&](std::initializer_list<const char*> names, const char* key) {
    for (const char* variable_name : names) {
      if (auto value = variable(variable_name)) return *value;
    }
    return profile.contains(key) ? profile[key] : std::string();
  };
  Account account;
  account.region = setting({"AWS_REGION", "AWS_DEFAULT_REGION"}, "region");
  if (account.region.empty()) account.region = kUsualRegion;
  if (!is_region(account.region)) throw IoError(fmt::format("the region {} is none", quote(account.region)));
  std::string endpoint = setting({"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}, "endpoint_url");
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!endpoint.empty()) {
    account.endpoint = parse_url(endpoint);
    if (!account.endpoint) throw IoError(fmt::format("the endpoint {} of S3 is no web address", quote(endpoint)));
  }
  // The environment's keys or the profile's, never a mixture.
  AwsKeys keys;
  if (variable("AWS_ACCESS_KEY_ID") && variable("AWS_SECRET_ACCESS_KEY")) {
    keys = {*variable("AWS_ACCESS_KEY_ID"),
            *variable("AWS_SECRET_ACCESS_KEY"),
            variable("AWS_SESSION_TOKEN").value_or(""),
            {}};
  } else {
    keys = {profile["aws_access_key_id"], profile["aws_secret_access_key"], profile["aws_session_token"], {}};
  }
  for (const std::string& part : {keys.id, keys.secret, keys.session_token}) {
    if (!std::ranges::all_of(part, [](char c) { return c > ' ' && c < 0x7f; }))
      throw IoError("the keys of S3 hold what no keys do");
  }
  keys.region = account.region;
  if (!keys.id.empty() && !keys.secret.empty()) account.keys = std::move(keys);
  return account;
}

// --- Answers, which are XML

std::string without_entities(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
      {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};
  std::string plain;
  while (!text.empty()) {
    const auto* entity = std::ranges::find_if(kEntities, [&](const auto& e) { return text.starts_with(e.first); });
    const auto semicolon = text.find(';');
    if (entity != kEntities.end()) {
      plain += entity->second;
      text.remove_prefix(entity->first.size());
    } else if (text.starts_with("&#") && semicolon != std::string_view::npos) {
      const bool hex = text.starts_with("&#x");
      const auto code = parse_uint(text.substr(hex ? 3 : 2, semicolon - (hex ? 3 : 2)), hex ? 16 : 10);
      plain += code && *code < 0x80 ? static_cast<char>(*code) : '?';
      text.remove_prefix(semicolon + 1);
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

// What stands between <TAG> and </TAG>, the first time; the text after it replaces `rest`.
std::optional<std::string_view> element(std::string_view& rest, std::string_view tag) {
  const std::string open = fmt::format("<{}>", tag);
  const std::string close = fmt::format("</{}>", tag);
  const auto begin = rest.find(open);
  const auto end = begin == std::string_view::npos ? begin : rest.find(close, begin);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = rest.substr(begin + open.size(), end - begin - open.size());
  rest.remove_prefix(end + close.size());
  return inside;
}

std::string text_of_element(std::string_view xml, std::string_view tag) {
  const auto inside = element(xml, tag);
  return inside ? without_entities(*inside) : std::string();
}

std::string explain_s3(const Fetched& fetched, const std::string& bucket, bool has_keys) {
  const std::string code = text_of_element(fetched.reply.body, "Code");
  const std::string message = text_of_element(fetched.reply.body, "Message").substr(0, 200);
  const std::string host = fetched.url.host_and_port();
  const int status = fetched.reply.status;
  if (code == "NoSuchBucket") return fmt::format("no bucket {} on {}", quote(bucket), host);
  if (code == "NoSuchKey" || status == 404) return fmt::format("no such object in the bucket {}", quote(bucket));
  if (code == "AccessDenied" || (code.empty() && status == 403)) {
    return has_keys
               ? fmt::format("{} denies access with these keys (AccessDenied)", host)
               : fmt::format("{} denies access without keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", host);
  }
  if (code == "RequestTimeTooSkewed") return fmt::format("{} refuses the request: this machine's clock is wrong", host);
  if (code == "ExpiredToken") return fmt::format("{} refuses the keys: the session token has expired", host);
  if (code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch")
    return fmt::format("{} refuses the keys ({})", host, code);
  return fmt::format("{} answers {}{}{}{}", host, status, code.empty() ? "" : " " + code, message.empty() ? "" : ": ",
                     message);
}

// --- Buckets

class Bucket {
 public:
  Bucket(std::string name, Account account) : name_(std::move(name)), account_(std::move(account)) { place(); }

  [[nodiscard]] Url url_of(const std::string& key) const { return below(root_, "/" + percent_encoded(key, "/")); }
  [[nodiscard]] const std::string& region() const { return account_.region; }
  [[nodiscard]] bool has_keys() const { return account_.keys.has_value(); }

  // Sent to this store alone: the time of a request and its signature are of no use elsewhere.
  [[nodiscard]] std::shared_ptr<const Credential> credential() const {
    if (!account_.keys) return nullptr;
    auto credential =
        std::make_shared<Credential>(Credential{root_, {{"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}}, account_.keys});
    if (!account_.keys->session_token.empty()) {
      credential->headers.push_back({"x-amz-security-token", account_.keys->session_token});
    }
    return credential;
  }

  // One page; where the bucket lies in another region, from there.
  Fetched list(RemoteSession& session, const std::string& prefix, bool deep, const std::string& continuation) {
    for (bool again : {false, true}) {
      // Sorted by name, as it is signed.
      std::string query;
      if (!continuation.empty()) query += fmt::format("continuation-token={}&", percent_encoded(continuation));
      if (!deep) query += "delimiter=%2F&";
      query += fmt::format("list-type=2&prefix={}", percent_encoded(prefix));
      Url url = root_;
      if (url.path.empty()) url.path = "/";
      url.query = std::move(query);
      Fetched fetched = session.fetch({.url = url, .credential = credential(), .most_bytes = kMostListBytes});
      const int status = fetched.reply.status;
      if (status == 200 || again || !move_to_region_of(fetched)) return fetched;
    }
    return {};
  }

 private:
  void place() {
    const bool has_dots = name_.find('.') != std::string::npos;
    if (account_.endpoint) {
      root_ = below(*account_.endpoint, "/" + name_);
    } else if (has_dots) {
      root_ = *parse_url(fmt::format("https://s3.{}.amazonaws.com/{}", account_.region, name_));
    } else {
      root_ = *parse_url(fmt::format("https://{}.s3.{}.amazonaws.com", name_, account_.region));
    }
  }

  bool move_to_region_of(const Fetched& fetched) {
    std::string region(fetched.reply.header("x-amz-bucket-region"));
    if (region.empty()) region = text_of_element(fetched.reply.body, "Region");
    if (!is_region(region) || region == account_.region) return false;
    account_.region = region;
    if (account_.keys) account_.keys->region = region;
    place();
    return true;
  }

  std::string name_;
  Account account_;
  Url root_;  // of the bucket
};

// Adds the objects of one page below `folder`; the continuation token, empty at the end.
std::string add_page(const std::string& xml, const Bucket& bucket, const std::string& folder,
                     std::vector<ListedFile>& files) {
  std::string_view rest = xml;
  while (const auto contents = element(rest, "Contents")) {
    const std::string key = text_of_element(*contents, "Key");
    if (!key.starts_with(folder) || key.ends_with('/')) continue;  // "folders" are empty objects
    ListedFile file{key.substr(folder.size())};
    file.bytes = parse_uint(text_of_element(*contents, "Size"));
    file.url = bucket.url_of(key);
    if (const std::string etag = text_of_element(*contents, "ETag"); !etag.empty() && file.bytes) {
      file.content = fmt::format("etag:{} {}", file.url.text(), etag);
    }
    add_listed(std::move(file), files);
  }
  return text_of_element(xml, "IsTruncated") == "true" ? text_of_element(xml, "NextContinuationToken") : std::string();
}

}  // namespace

RemotePlace look_up_s3(const Reference& reference, RemoteSession& session) {
  Bucket bucket(reference.name, find_account());
  const bool is_file = is_model_name(reference.path) || is_index_name(reference.path);
  std::string folder = is_file ? std::string(folder_part(reference.path)) : reference.path;
  if (!folder.empty() && !folder.ends_with('/')) folder += '/';
  const std::string path = is_file ? reference.path.substr(folder.size()) : "";
  const std::string key = fmt::format("{} {}", bucket.url_of(folder).text(), is_file ? "files" : "all");
  auto repository = std::make_shared<Repository>();
  if (session.offline()) {
    auto kept = kept_list(key);
    if (!kept) throw IoError("is not in the cache of headers, and --offline forbids to ask for it");
    *repository = std::move(*kept);
  } else {
    std::set<std::string> seen;
    std::string continuation;
    do {
      const Fetched fetched = bucket.list(session, folder, !is_file, continuation);
      if (fetched.reply.status != 200) {
        // Whoever may read an object need not be allowed to list.
        if (is_file && fetched.reply.status == 403 && repository->files.empty()) {
          repository->files.push_back({.path = path, .url = bucket.url_of(reference.path)});
          break;
        }
        throw IoError(explain_s3(fetched, reference.name, bucket.has_keys()));
      }
      if (fetched.reply.cut || fetched.reply.body.find("<ListBucketResult") == std::string::npos) {
        throw IoError(fmt::format("{} is no S3: it sends no list of objects", fetched.url.host_and_port()));
      }
      continuation = add_page(fetched.reply.body, bucket, folder, repository->files);
      if (!continuation.empty() && (!seen.insert(continuation).second || seen.size() > kMostPages)) {
        throw IoError("is listed on pages that do not end");
      }
    } while (!continuation.empty());
    sort_listed(repository->files);
    if (repository->files.empty())
      throw IoError(fmt::format("no object of the bucket {} begins so", quote(reference.name)));
  }
  std::string shown = fmt::format("s3://{}/{}", reference.name, folder);
  shown.pop_back();
  repository->shown = std::move(shown);
  repository->name = std::string(base_name(repository->shown));
  if (!session.offline()) keep_list(key, *repository);
  repository->credential = bucket.credential();
  repository->explain = [name = reference.name, has_keys = bucket.has_keys()](const Fetched& fetched) {
    return explain_s3(fetched, name, has_keys);
  };
  return {repository, path};
}

}  // namespace weigh::core
