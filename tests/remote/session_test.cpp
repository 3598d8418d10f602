#include "src/remote/session.h"

#include <deque>

#include "formats/error.h"
#include "src/remote/remote_file.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

// Answers one after the other, and remembers what was asked.
class Played : public Transport {
 public:
  struct Step {
    HttpReply reply;
    std::optional<TransportFailure> failure = std::nullopt;
  };
  explicit Played(std::deque<Step> steps) : steps_(std::move(steps)) {}

  HttpReply perform(const HttpRequest& request) override {
    asked.push_back(request);
    REQUIRE_FALSE(steps_.empty());
    const Step step = steps_.front();
    steps_.pop_front();
    if (step.failure) throw *step.failure;
    HttpReply reply = step.reply;
    if (reply.body.size() > request.most_bytes) {
      reply.body.resize(static_cast<std::size_t>(request.most_bytes));
      reply.cut = true;
    }
    return reply;
  }

  std::vector<HttpRequest> asked;

 private:
  std::deque<Step> steps_;
};

struct World {
  Played* played = nullptr;
  std::shared_ptr<RemoteSession> session;
  std::vector<std::chrono::milliseconds> waits;

  explicit World(std::deque<Played::Step> steps, RemoteOptions options = {}) {
    ::setenv("XDG_CACHE_HOME", "/dev/null", 1);  // nothing is kept
    auto transport = std::make_unique<Played>(std::move(steps));
    played = transport.get();
    session = std::make_shared<RemoteSession>(std::move(options), std::move(transport));
    session->wait = [this](std::chrono::milliseconds time) { waits.push_back(time); };
  }
};

HttpReply reply(int status, std::vector<Header> headers = {}, std::string body = {}) {
  return {status, std::move(headers), std::move(body)};
}

Fetch fetch_of(std::string_view url) { return {.url = *parse_url(url), .most_bytes = 1000}; }

std::string failure(World& world, const Fetch& fetch) {
  try {
    static_cast<void>(world.session->fetch(fetch));
  } catch (const IoError& error) {
    return error.what();
  }
  return {};
}

bool has_secret(const HttpRequest& request) {
  return std::ranges::any_of(request.headers, [](const Header& header) { return header.value == "secret"; }) ||
         request.signing.has_value();
}

}  // namespace

TEST_CASE("a credential goes to its scheme, host and port alone") {
  struct Row {
    const char* location;
    bool sent;
  };
  for (const Row& row : {Row{"/other", true}, Row{"https://a.org/x", true}, Row{"https://b.org/x", false},
                         Row{"https://a.org:444/x", false}, Row{"https://a.org.b.org/x", false}}) {
    CAPTURE(row.location);
    World world({{reply(302, {{"location", row.location}})}, {reply(200)}});
    Fetch fetch = fetch_of("https://a.org/");
    fetch.credential = std::make_shared<Credential>(
        Credential{fetch.url, {{"Authorization", "secret"}}, AwsKeys{"id", "key", "", "region"}});
    static_cast<void>(world.session->fetch(fetch));
    REQUIRE(world.played->asked.size() == 2);
    CHECK(has_secret(world.played->asked[0]));
    CHECK(has_secret(world.played->asked[1]) == row.sent);
  }
}

TEST_CASE("https does not lead to http, and redirects end") {
  World down({{reply(301, {{"location", "http://a.org/"}})}});
  CHECK(failure(down, fetch_of("https://a.org/")).find("https to http") != std::string::npos);
  std::deque<Played::Step> loop(11, {reply(302, {{"location", "/"}})});
  World around(loop);
  CHECK(failure(around, fetch_of("https://a.org/")) == "a.org redirects more than 10 times");
}

TEST_CASE("what may pass is tried again, and waited for as long as the server says") {
  World world({{{}, TransportFailure{"broke off", true}},
               {reply(503)},
               {reply(429, {{"ratelimit", "\"api\";r=0;t=7"}})},
               {reply(429, {{"retry-after", "9"}})},
               {reply(200, {}, "x")}});
  CHECK(world.session->fetch(fetch_of("https://a.org/")).reply.body == "x");
  using std::chrono::milliseconds;
  CHECK(world.waits == std::vector{milliseconds(500), milliseconds(1000), milliseconds(8000), milliseconds(9000)});
}

TEST_CASE("what does not pass has a reason") {
  World busy(std::deque<Played::Step>(5, {reply(503)}));
  CHECK(failure(busy, fetch_of("https://a.org/")) == "a.org answers 503 again and again");
  World limit({{reply(429, {{"retry-after", "3600"}})}});
  CHECK(failure(limit, fetch_of("https://a.org/")) ==
        "the rate limit of a.org is reached: it can be asked again in 3600 s");
  CHECK(limit.waits.empty());
  World untrusted({{{}, TransportFailure{"no trust"}}});
  CHECK(failure(untrusted, fetch_of("https://a.org/")) == "no trust");
  World slow({{{}, TransportFailure{"slow", true, true}}, {{}, TransportFailure{"slow", true, true}}});
  CHECK(failure(slow, fetch_of("https://a.org/")) == "slow");
}

TEST_CASE("bytes are limited over all requests") {
  RemoteOptions options;
  options.most_bytes = 10;
  World world({{reply(200, {}, "1234567")}, {reply(200, {}, "1234567")}}, options);
  static_cast<void>(world.session->fetch(fetch_of("https://a.org/")));
  CHECK(failure(world, fetch_of("https://a.org/")).find("--max-download") != std::string::npos);
  World offline({}, {.offline = true});
  CHECK(failure(offline, fetch_of("https://a.org/")).find("--offline") != std::string::npos);
}

TEST_CASE("a file is read by ranges, each byte once") {
  const std::string content(200'000, 'x');
  const auto part = [&](std::size_t begin, std::size_t end) {
    return Played::Step{
        reply(206,
              {{"content-range", "bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/200000"},
               {"etag", "\"1\""}},
              content.substr(begin, end - begin))};
  };
  World world({part(0, 65536), part(65536, 100'000)});
  RemoteFile file(world.session, {.shown = "x", .fetch = fetch_of("https://a.org/x"), .bytes = 200'000, .content = ""});
  std::vector<std::byte> some(10);
  file.read(0, some);
  file.read(99'990, some);
  file.read(50'000, some);
  CHECK(world.played->asked.size() == 2);
  CHECK(file.size() == 200'000);
  CHECK_THROWS_AS(file.read(199'999, some), IoError);
}

TEST_CASE("a file that changes is begun again once") {
  const auto part = [](std::string range, std::string etag, std::string body) {
    return Played::Step{reply(206, {{"content-range", std::move(range)}, {"etag", std::move(etag)}}, std::move(body))};
  };
  const std::string page(65536, 'a');
  World world({part("bytes 0-65535/70000", "\"1\"", page),
               part("bytes 65536-69999/70000", "\"2\"", std::string(4464, 'b')),
               part("bytes 0-65535/70000", "\"2\"", std::string(65'536, 'c')),
               part("bytes 65536-69999/70000", "\"2\"", std::string(4464, 'c'))});
  RemoteFile file(world.session, {.shown = "x", .fetch = fetch_of("https://a.org/x")});
  std::vector<std::byte> all(70'000);
  file.read(0, std::span(all).first(10));
  CHECK_THROWS_AS(file.read(0, all), RemoteChanged);
  file.read(0, all);
  CHECK(all.front() == std::byte{'c'});
}
