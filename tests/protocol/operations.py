# SPDX-License-Identifier: GPL-3.0-or-later
"""Section 7: operations, their packets, results, sequences and steps."""

from __future__ import annotations

from tests.protocol import Covered, by, each

_FILES = by(
    "client/test_file_verbs what_is_done",
    "client/test_unusual_names the_life_of_files_with_unusual_names",
    "wire/test_recordings what_became_of_file_operations",
    "server/test_replay_reference the_same_answers",
    "server/test_server file_operations_are_done_in_order_and_failures_are_told",
)
_LS = by(
    "client/test_remote_files life_of_files",
    "client/test_file_verbs thousands_of_entries",
    "wire/test_recordings listings",
    "wire/test_files line_list_as_documented",
    "server/test_replay_reference the_same_answers",
    "server/test_side_connections ls_over_a_connection_back_ends_with_the_stream",
)
_UPLOAD = by(
    "client/test_file_conversations recorded_upload_result",
    "wire/test_recordings transfers_of_text",
    "server/test_replay uploads",
    "server/test_replay_exchanges what_comes_on_connections_that_the_server_makes",
    "client/test_broken_transfers an_interrupted_upload_leaves_the_old_file_and_nothing_else",
)
_DOWNLOAD = by(
    "client/test_file_conversations recorded_downloads",
    "wire/test_recordings transfers_of_text",
    "server/test_replay downloads",
    "server/test_transfers a_download_has_its_size_and_pieces_of_1024_bytes",
    "client/test_broken_transfers an_interrupted_download_leaves_the_old_file_and_nothing_else",
)
_UPLOAD_CODES = by(
    "wire/test_recordings transfers_that_are_refused",
    "client/test_file_conversations bad_uploads",
    "server/test_transfers a_destination_that_cannot_be_gets_its_code_after_the_data",
)
_DOWNLOAD_CODES = by(
    "wire/test_recordings transfers_that_are_refused",
    "client/test_file_conversations bad_downloads",
    "server/test_transfers a_download_that_cannot_be_gets_its_code",
)
_UNNAMED_USER = by(
    "client/test_server_without_user transfers_and_stops_are_refused",
    "client/test_file_conversations bad_uploads",
)
_JOB = by(
    "wire/test_job observed_sequences",
    "wire/test_job every_refusal_that_a_server_can_give_has_a_sequence",
    "wire/test_recorded_exchanges starts",
    "wire/test_captures jobs",
    "server/test_replay_jobs jobs",
)
_NEVER_SENT_JOB = by("wire/test_job every_id_is_known_and_every_neighbour_unknown")
_REFUSED_JOB = by(
    "wire/test_recorded_exchanges starts",
    "client/test_job_control refusals",
    "server/test_replay_reference starts_that_do_not_start",
)
_CHECK = by(
    "wire/test_recorded_exchanges starts",
    "server/test_replay_reference a_check_that_fails",
    "aio/test_job_start the_server_refuses_by_itself_what_nobody_waived",
)
_MACHINES = by(
    "wire/test_machines definition_with_files_named",
    "wire/test_recorded_exchanges machines_that_are_refused",
    "server/test_replay_reference machines_that_are_refused",
    "server/test_replay a_machines_definition_and_what_it_wrote",
    "client/test_placement define_and_read",
)
_MPI_TEST = by(
    "wire/test_recorded_exchanges hosts_that_were_tried",
    "client/test_mpi_test who_answers",
    "server/test_machines hosts_are_tested_where_they_can_be_reached",
)
_DIRECTORY = by(
    "wire/test_recorders the_documented_bytes",
    "wire/test_recorded_exchanges directories_of_modules",
    "wire/test_recorded_exchanges directories_made_anew",
    "server/test_replay_exchanges recorders",
    "client/test_recorders a_directory_is_read",
    "aio/test_recorder modules_and_what_is_on_them",
)
_NO_DIRECTORY = by(
    "wire/test_recorded_exchanges directories_that_are_not_there",
    "client/test_recorders a_directory_that_cannot_be_had",
    "server/test_recorders a_directory_that_cannot_be_had",
)
_CONTROL = by(
    "wire/test_recorders the_documented_bytes",
    "wire/test_recorded_exchanges recorder_commands",
    "server/test_replay_exchanges recorders",
    "client/test_recorders a_command_is_sent_and_its_lines_come_back",
    "client/test_recorders what_destroys_is_not_sent_without_consent",
)
_COPY = by(
    "wire/test_recorders a_copy_keeps_what_was_printed",
    "wire/test_recorded_exchanges copies",
    "server/test_replay_exchanges recorders",
    "client/test_recorders a_copy_ends_with_302",
    "aio/test_recorder scans_are_copied",
)
_LIST = by(
    "wire/test_file_list a_whole_list",
    "wire/test_recorded_exchanges file_lists",
    "server/test_replay_reference file_lists",
    "client/test_file_list a_list_is_made_and_fetched",
)
_QUESTION = by(
    "wire/test_recorded_exchanges the_question_of_file_lists",
    "client/test_file_list the_question_is_answered_with_a_bare_integer",
    "server/test_replay_reference file_lists_that_are_not_made",
    "server/test_file_list a_list_is_replaced_when_the_client_says_so",
)
_NO_LIST = by(
    "wire/test_recorded_exchanges file_lists_that_are_refused",
    "client/test_file_list a_list_that_is_refused",
    "server/test_file_list lists_that_are_refused",
)
_STATUS = by(
    "wire/test_status status_packet_as_documented",
    "wire/test_recorded_exchanges states_of_jobs",
    "server/test_replay_reference states_of_jobs",
    "aio/test_status states_of_jobs",
)
_VEX = by(
    "wire/test_recorded_exchanges vex2difx",
    "server/test_replay vex2difx_and_a_delay_program",
    "server/test_replay_exchanges vex2difx",
    "client/test_vex2difx jobs_are_made",
)
_CALC = by(
    "wire/test_recorded_exchanges calc_alone_and_none",
    "server/test_replay_exchanges vex2difx",
    "client/test_vex2difx models_alone",
    "aio/test_making models_are_made",
)
_LISTED = by(
    "wire/test_messages_captured product_list",
    "test_live_captured the_list_of_a_real_server",
    "server/test_monitor the_list_has_every_product_of_every_scan_with_its_offset",
)
_ASKED = by(
    "wire/test_messages_captured requests_of_the_original_client",
    "wire/test_monitor_products requests_both_ways",
    "client/test_monitor_feed conversation",
    "server/test_monitor requests_out_of_order_are_answered_and_harm_nothing",
)
_DATA = by(
    "wire/test_messages_captured blocks_as_the_original_client_printed_them",
    "wire/test_messages_captured trusting_the_declared_lengths_loses_step",
    "wire/test_monitor true_length_whatever_is_declared",
    "test_live_captured the_data_of_a_real_server",
    "server/test_monitor what_is_asked_for_comes_bit_for_bit",
)
_TOLD = by(
    "wire/test_monitor texts",
    "wire/test_recorded_exchanges monitors_that_come_to_nothing",
    "client/test_monitor_feed server_cannot_watch",
    "client/test_monitor_feed texts_are_kept_in_a_ring_that_counts",
)
_AGAIN = by(
    "client/test_monitor_feed data_are_asked_for_again_after_a_gap",
    "server/test_live_monitors a_monitor_times_out_on_request_and_can_be_revived",
)

OPERATIONS: dict[str, Covered] = {
    # --- 7.1
    "7.1 mkdir, rmdir, touch, rm, mv, cp": _FILES,
    "7.1 ls": _LS,
    "7.1 upload": _UPLOAD,
    "7.1 download": _DOWNLOAD,
    "7.1 start": _JOB,
    "7.1 stop": by(
        "wire/test_recorded_exchanges starts",
        "client/test_job_control stop_is_confirmed_by_the_end",
        "server/test_server_jobs a_running_job_is_stopped",
        "aio/test_job_stop a_job_that_is_only_killed",
        "aio/test_job_stop what_still_lives_is_said",
    ),
    "7.1 machines definition": _MACHINES,
    "7.1 vex2difx, calc": _VEX,
    "7.1 getDirectory": _DIRECTORY,
    "7.1 mark5 control": _CONTROL,
    "7.1 mark5 copy": _COPY,
    "7.1 file list": _LIST,
    "7.1 job status": _STATUS,
    "7.1 monitor": by("client/test_recorded_job monitored_job", "aio/test_live_monitor a_whole_job"),
    # --- 7.2
    **{f"7.2 {name}": _FILES for name in ("mkdir", "rmdir", "touch", "rm", "mv", "cp")},
    "7.2 ls": _LS,
    "7.2 anything else": by(
        "server/test_files an_unknown_operation_is_refused_with_the_known_ones",
        "wire/test_recordings files_and_unknown_operations_get_no_answer",
    ),
    # --- 7.3
    "7.3 upload result N": _UPLOAD,
    **{f"7.3 upload result {n}": _UPLOAD_CODES for n in (-1, -2, -3, -5)},
    "7.3 upload result -4": _UNNAMED_USER,
    "7.3 upload step 1 connect": by("client/test_exchange dialled_back", "client/test_exchange nobody_dials"),
    "7.3 upload step 2 size": _UPLOAD,
    "7.3 upload step 3 bytes": by("client/test_file_conversations upload_in_safe_pieces"),
    "7.3 upload step 4 result": by(
        "server/test_transfers a_negative_size_is_echoed",
        "client/test_broken_transfers an_interrupted_upload_leaves_the_old_file_and_nothing_else",
    ),
    "7.3 upload step 5 close": by(
        "server/test_transfers a_client_that_dies_leaves_the_old_file_and_no_temporary_one"
    ),
    "7.3 download N > 0": _DOWNLOAD,
    "7.3 download N 0": by(
        "wire/test_recordings transfers_of_text",
        "client/test_unusual_names a_real_server_is_never_asked_for_what_it_cannot_give",
    ),
    **{f"7.3 download N {n}": _DOWNLOAD_CODES for n in (-1, -2, -3)},
    "7.3 download N -4": _UNNAMED_USER,
    "7.3 download step 1 connect": by("client/test_exchange dialled_back"),
    "7.3 download step 2 size": _DOWNLOAD,
    "7.3 download step 3 bytes": _DOWNLOAD,
    "7.3 download step 4 close": by("client/test_file_conversations dialled_download_ends_early"),
    # --- 7.4
    "7.4 function default": by("aio/test_job_start the_one_word_that_the_server_takes"),
    "7.4 function RUN_MONITOR": by(
        "server/test_start_plan monitoring_is_asked_for_by_the_function", "aio/test_live_monitor a_whole_job"
    ),
    "7.4 function CONFIG_ONLY": by("server/test_start_plan only_the_check", "client/test_job_control check"),
    "7.4 function BAIL_ON_CONFIG_FAIL": _CHECK,
    **each("7.4 packet ", (100, 101, 102, 103, 104, 112, 113, 117, 119, 120), _JOB),
    **each("7.4 packet ", (105, 106, 107, 109, 111), _REFUSED_JOB),
    **each(
        "7.4 packet ", (114, 115, 116), by("server/test_job_output lines_by_kind", "wire/test_captures jobs")
    ),
    **each("7.4 packet ", (108, 110, 118, 121, 122, 123), _NEVER_SENT_JOB),
    **each("7.4 packet ", (124, 125, 127, 128), _CHECK),
    "7.4 packet 126": by("wire/test_job a_missing_checker_passes_and_is_told"),
    **{
        f"7.4 sequence {name}": _JOB
        for name in (
            "normal",
            "check only, good",
            "check only or bail, bad",
            "bad, other functions",
            "program fails",
            "stopped",
        )
    },
    **{f"7.4 sequence {name}": _REFUSED_JOB for name in ("output exists", "no head node", "input missing")},
    # --- 7.6
    **each("7.6 packet ", (*range(100, 113), 115, 116, 121), _MACHINES),
    **each(
        "7.6 packet ",
        (113, 114),
        by(
            "client/test_placement a_file_that_cannot_be_written",
            "server/test_machines a_machines_file_that_cannot_be_written_ends_it_without_harm",
            "server/test_machines a_threads_file_that_cannot_be_written_ends_it_without_harm",
            "wire/test_recorded_exchanges a_server_that_dies",
        ),
    ),
    **each("7.6 packet ", (117, 118), by("wire/test_machines every_id_is_known_and_every_neighbour_unknown")),
    **each("7.6 packet ", (119, 120, 122), _MPI_TEST),
    # --- 7.7
    "7.7 calcOnly 0": _VEX,
    "7.7 calcOnly 1": _CALC,
    # --- 7.8, 7.9, 7.10
    **each("7.8 packet ", (301, 302, 303, 307, 309, 310, 311, 312, 313, 314), _DIRECTORY),
    **each("7.8 packet ", (304, 306, 308), _NO_DIRECTORY),
    "7.8 packet 305": by("wire/test_recorded_exchanges complaints_are_those_that_say_why"),
    **each("7.9 packet ", (101, 102, 108, 110), _CONTROL),
    **each("7.10 packet ", (301, 302, 304, 305, 312, 314), _COPY),
    # --- 7.11
    **each("7.11 packet ", (100, 105, 108, 109), _NO_LIST),
    **each("7.11 packet ", (101, 102, 104, 110, 111, 112), _LIST),
    **each("7.11 packet ", (103, 106, 107), _QUESTION),
    # --- 7.12
    **each("7.12 packet ", (101, 102, 104, 105, 106, 108, 110), _STATUS),
    **each(
        "7.12 packet ", (107, 109), by("wire/test_status any_packets_give_records_or_the_documented_error")
    ),
    "7.12 packet 111": by(
        "wire/test_status terminal_packets",
        "client/test_job_status a_server_that_could_not_look_is_no_server_without_jobs",
    ),
    # --- 7.13
    "7.13 step 1": by(
        "client/test_monitor_feed conversation", "server/test_protocol requests_of_packets_14_and_24"
    ),
    "7.13 step 2": by("client/test_monitor_feed a_real_server_runs_the_monitor_in_a_channel_always"),
    "7.13 step 3": _ASKED,
    "7.13 step 4": _LISTED,
    "7.13 step 5": _ASKED,
    "7.13 step 6": _ASKED,
    "7.13 step 7": _DATA,
    "7.13 step 8": by(
        "client/test_monitor_feed a_real_server_is_not_left_soon_after_a_monitor",
        "server/test_monitor the_client_ends_it",
    ),
    "7.13 step 9": by("client/test_monitor_feed a_real_server_is_not_left_soon_after_a_monitor"),
    **each("7.13 packet ", (100, 101, 102), _TOLD),
    **each("7.13 packet ", (103, 104, 122, 123, 124, 139), _ASKED),
    **each("7.13 packet ", (*range(105, 122), *range(130, 138), 143), _LISTED),
    **each("7.13 packet ", (126, 127, 128, 129, 138, 140, 141, 142), _DATA),
    "7.13 packet 125": by("wire/test_monitor ids"),
    **{f"7.13 data body of {n}": _DATA for n in (126, 127, 128, 140, 141, 142)},
    "7.13 data time stamp": by(
        "wire/test_messages_captured blocks_name_scan_and_source",
        "server/test_monitor outside_all_scans_no_scan_is_named",
    ),
    "7.13 data amplitude and phase": by(
        "wire/test_messages_captured blocks_as_the_original_client_printed_them"
    ),
    "7.13 data lags": by(
        "wire/test_monitor_numbers lags_are_the_plain_sum", "server/test_monitor zero_lags_on_request"
    ),
    "7.13 data delay": by(
        "wire/test_monitor_numbers delay_of_each_half",
        "server/test_monitor the_delay_is_that_of_the_lag_axis",
    ),
    "7.13 data SNR": by("wire/test_monitor_numbers signal_to_noise_leaves_the_window_out"),
    "7.13 data means": by(
        "server/test_monitor means_are_mixed_on_request",
        "server/test_monitor means_are_per_product_and_per_scan",
    ),
    "7.13 end of data": _AGAIN,
    # --- 7.14
    "7.14 no shutdown": by(
        "client/test_session close_waits_for_what_was_sent",
        "client/test_session a_real_server_is_not_left_alone_with_a_job",
    ),
}
