# SPDX-License-Identifier: GPL-3.0-or-later
"""Section 4: packets of the main connection."""

from __future__ import annotations

from tests.protocol import Covered, by, each

_TABLE = "wire/test_control table_both_ways"
_VERSIONS = by(
    _TABLE,
    "wire/test_captures version_conversation",
    "server/test_protocol the_version_conversation_comes_in_order",
    "server/test_replay_reference the_same_answers",
)
_NOTICES = by(
    _TABLE,
    "wire/test_captures notices_are_those_that_the_client_printed",
    "client/test_session subscriber_gets_everything_with_its_time",
    "server/test_server file_operations_are_done_in_order_and_failures_are_told",
)
_CHANNELS = by(
    _TABLE,
    "wire/test_captures a_channel_is_announced_before_its_data",
    "client/test_exchange channel_reads_what_has_come",
    "client/test_exchange channel_sends_each_piece_by_itself",
    "server/test_channels what_comes_early_is_the_first_data_of_the_operation",
    "server/test_side_connections ls_on_a_channel_comes_in_elementary_writes",
)
_SWITCHES = by(
    _TABLE, "client/test_start_up order_of_the_set_up", "client/test_reach what_was_asked_for_is_done",
    "server/test_protocol side_connections_by_mode",
)  # fmt: skip
_SELECTION = by(
    "server/test_relay selection",
    "aio/test_messages a_selection_at_the_server_saves_the_way",
    "server/test_replay_reference the_same_answers",
    "server/test_replay_jobs relay_and_selection",
)
_KEYWORDS = (
    "ALL", "SELECTED", "ALERT", "COMMAND", "FILEOPERATION", "FILETRANSFER", "GETDIRECTORY", "MARK5COPY", "INFO", "LOAD",
    "MARK5STATUS", "MACHINESDEFINITION", "MK5CONTROL", "SMART", "STATUS", "STOP", "VEX2DIFXRUN", "WEIGHT", "UNKNOWN",
)  # fmt: skip
_START = by(
    "wire/test_captures notices_are_those_that_the_client_printed",
    "wire/test_recorded_exchanges starts",
    "server/test_replay_reference starts_that_do_not_start",
    "server/test_job_output lines_by_kind",
)
_VEX = by("wire/test_vex2difx what_notices_mean", "wire/test_recorded_exchanges vex2difx")
_RECORDERS = by(
    "server/test_recorders a_directory_is_made_anew", "wire/test_recorded_exchanges directories_made_anew"
)

PACKETS: dict[str, Covered] = {
    "4 packet 1": by(
        _TABLE,
        "server/test_relay documents_reach_those_who_listen_there",
        "server/test_relay nothing_is_relayed_before_it_is_switched_on",
        "wire/test_recorded_exchanges the_relay_under_selections",
        "client/test_session subscriber_gets_everything_with_its_time",
    ),
    "4 packet 2": by(
        _TABLE,
        "server/test_protocol documents_for_the_network_are_published_as_they_are",
        "aio/test_messages a_message_comes_back_through_the_relay",
        "client/test_outgoing whole_messages_and_xml_go_as_they_are",
    ),
    "4 packet 3": by(
        _TABLE,
        "wire/test_recordings commands_are_written_as_the_real_server_understood_them",
        "server/test_replay_reference what_is_no_command",
    ),
    **each("4 packet ", (4, 5, 6), _NOTICES),
    "4 packet 7": by(
        _TABLE,
        "wire/test_control multicast_settings_of_the_original_client_end_with_a_line_feed",
        "server/test_relay good_multicast_settings_are_taken",
        "server/test_relay odd_multicast_settings_are_refused",
        "client/test_reconnect settings_that_would_harm_a_real_server",
    ),
    **each("4 packet ", (8, 10, 11, 12), _VERSIONS),
    "4 packet 9": by(_TABLE),
    "4 packet 13": by(
        _TABLE,
        "client/test_start_up order_of_the_set_up",
        "client/test_reconnect no_setup_path_says_more_to_a_shell_than_one_word",
        "aio/test_server_info a_version_is_chosen_and_kept_over_reconnections",
    ),
    "4 packet 14": by(
        _TABLE, "client/test_monitor_feed conversation", "server/test_protocol requests_of_packets_14_and_24"
    ),
    "4 packet 15": by(_TABLE, "server/test_protocol switches_are_kept"),
    "4 packet 16": by(_TABLE, "wire/test_recordings the_user_is_named_where_the_server_has_a_login"),
    "4 packet 17": _SELECTION,
    "4 packet 18": _VERSIONS,
    **each("4 packet ", (19, 20), _SWITCHES),
    **each("4 packet ", (21, 22), _CHANNELS),
    "4 packet 23": by(
        _TABLE,
        "wire/test_file_list the_documented_request",
        "server/test_replay_reference file_lists",
        "client/test_file_list a_list_is_made_and_fetched",
    ),
    "4 packet 24": by(
        _TABLE,
        "wire/test_control a_long_status_request_is_one_with_zero",
        "server/test_replay job_status",
        "server/test_replay_reference states_of_jobs",
        "client/test_job_status a_thousand_jobs_in_one_request",
    ),
    "4.3 too long": by(
        "server/test_protocol a_command_that_is_too_long_is_answered_with_both_lengths",
        "wire/test_recordings what_is_no_command_gets_a_warning",
        "wire/test_message writer_refuses_long_envelopes_and_documents",
    ),
    "4.3 nested too deeply": by(
        "server/test_hostile h19_documents_that_break_the_real_parser_are_answered_or_passed_on",
        "wire/test_recordings what_is_no_command_gets_a_warning",
    ),
    "4.3 malformed, or a type that is not handled": by(
        "server/test_protocol what_is_not_handled_is_answered_politely",
        "server/test_protocol the_numbers_of_types",
        "server/test_replay_reference what_is_no_command",
    ),
    "4.3 DifxCommand": by(
        "wire/test_recorded_exchanges the_relay_under_selections",
        "server/test_protocol documents_for_the_network_are_published_as_they_are",
    ),
    "4.4 checkmpicorr": _START,
    "4.4 executing": _START,
    "4.4 output of the program": _START,
    "4.4 how the program ended": _START,
    "4.4 killing PID": by(
        "server/test_server_jobs a_running_job_is_stopped", "aio/test_job_stop a_job_that_is_only_killed"
    ),
    "4.4 Executing (vex2difx)": _VEX,
    "4.4 vex2difx line": _VEX,
    "4.4 vex2difx end": _VEX,
    "4.4 calc": by(
        "wire/test_recorded_exchanges calc_alone_and_none", "wire/test_vex2difx what_notices_mean"
    ),
    "4.4 filelist generation": by(
        "wire/test_recorded_exchanges file_lists_of_files_that_are_no_recordings",
        "aio/test_making complaints_that_a_real_server_brings_on_itself",
    ),
    "4.4 raw lines of getDirectory and copy": _RECORDERS,
    "4.4 raw lines of a stop": by("server/test_server_jobs a_running_job_is_stopped"),
    "4.4 client socket connection": by("server/test_side_connections a_client_that_does_not_listen_is_told"),
    **{f"4.6 {word}_MESSAGES": _SELECTION for word in _KEYWORDS},
}
