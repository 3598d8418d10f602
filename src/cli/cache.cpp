#include <fmt/core.h>

#include "src/cli/commands.h"
#include "src/remote/header_cache.h"
#include "src/report/listings.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

struct CacheOptions {
  CommonOptions common;
  bool clear = false;
};

int run_cache(const CacheOptions& options, Session& session) {
  Output output(options.common, session, {});
  std::uint64_t freed = 0;
  if (options.clear) freed = clear_cache();
  const CacheListing listing{cache_folder(), kMostCacheBytes, list_cache()};
  if (options.clear && output.format() == "text") {
    if (!options.common.quiet) output.stream() << human_bytes(freed) << " freed in " << escaped(listing.folder) << '\n';
  } else {
    write_cache(listing, output.format(), output.style(), output.stream());
  }
  output.finish();
  return 0;
}

}  // namespace

Command setup_cache(CLI::App& parent, const char* name) {
  auto options = std::make_shared<CacheOptions>();
  OptionSet command = add_command(parent, name, "Headers kept of remote models: shown, cleared",
                                  "  weigh cache\n"
                                  "  weigh cache --json\n"
                                  "  weigh cache --clear");
  command.add_flag("--clear", options->clear, "Remove all of them");
  add_common_options(command, options->common);
  return [options](Session& session) { return run_cache(*options, session); };
}

}  // namespace weigh::core
